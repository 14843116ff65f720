//! The tables, and how a file is recognised as a ledger.

use rusqlite::Connection;

use crate::LedgerError;

/// `GLDG`: how `file` and we tell a ledger from any other SQLite file.
const APPLICATION_ID: i64 = 0x474C_4447;
/// The version of the tables below. A newer file is refused, never guessed at.
const SCHEMA_VERSION: i64 = 1;

/// Commits that end at or before this version are found by reading the stream's first rows; only later
/// ones are filed in `late_commits`. Operations' streams are shorter than this, so that a second index is
/// written for none of them; a sandbox's stream of thousands is still searched by index.
pub const EARLY_VERSIONS: u64 = 16;

/// `events` is the ledger; it has no other index than its key, so that an append writes one page, its end.
/// `streams` is the index by stream, filed up to the position in `filed`: see `tail.rs`. A row is what one
/// filing has found of a stream: the first version and, as a JSON array, the positions from there on. A row
/// per event would make the index three times as large, and a filing write half as many pages again.
///
/// No AUTOINCREMENT: nothing is ever deleted, so `max + 1` never repeats, and it is one page less per
/// commit. A rolled-back insert burns no position.
const TABLES: &str = "
CREATE TABLE events (
  pos INTEGER PRIMARY KEY, id BLOB NOT NULL, commit_id BLOB NOT NULL, stream TEXT NOT NULL,
  seq INTEGER NOT NULL, type TEXT NOT NULL, ts INTEGER NOT NULL, meta TEXT NOT NULL, data TEXT NOT NULL
) STRICT;
CREATE TABLE streams (
  stream TEXT NOT NULL, seq INTEGER NOT NULL, positions TEXT NOT NULL,
  PRIMARY KEY (stream, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE late_commits (
  stream TEXT NOT NULL, commit_id BLOB NOT NULL, seq INTEGER NOT NULL, pos INTEGER NOT NULL,
  PRIMARY KEY (stream, commit_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE filed (pos INTEGER NOT NULL) STRICT;
INSERT INTO filed VALUES (0);
CREATE TRIGGER events_never_change BEFORE UPDATE ON events
  BEGIN SELECT RAISE(ABORT, 'events are append only'); END;
CREATE TRIGGER events_never_go BEFORE DELETE ON events
  BEGIN SELECT RAISE(ABORT, 'events are append only'); END;
CREATE TABLE projections (
  name TEXT NOT NULL, version INTEGER NOT NULL, pos INTEGER NOT NULL, state BLOB NOT NULL,
  PRIMARY KEY (name, version)
) STRICT;
CREATE TABLE parked (
  name TEXT NOT NULL, version INTEGER NOT NULL, pos INTEGER NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (name, version, pos)
) STRICT, WITHOUT ROWID;
";

/// Makes the tables in a new file; checks an old one. The caller holds the lock of the ledger.
pub fn prepare(connection: &Connection) -> Result<(), LedgerError> {
    let application_id = number(connection, "PRAGMA application_id")?;
    let version = number(connection, "PRAGMA user_version")?;
    if application_id == APPLICATION_ID {
        return accept(version);
    }
    let objects = number(connection, "SELECT count(*) FROM sqlite_schema")?;
    if application_id != 0 || version != 0 || objects != 0 {
        return Err(LedgerError::Engine("the file is a SQLite database, but not a ledger".to_owned()));
    }
    let sql = format!(
        "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    );
    Ok(connection.execute_batch(&sql)?)
}

fn accept(version: i64) -> Result<(), LedgerError> {
    if version == SCHEMA_VERSION {
        return Ok(());
    }
    Err(LedgerError::Engine(format!(
        "the ledger has schema version {version}; this program knows {SCHEMA_VERSION}. Use the program that \
         wrote it, or a newer one"
    )))
}

fn number(connection: &Connection, sql: &str) -> Result<i64, LedgerError> {
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}
