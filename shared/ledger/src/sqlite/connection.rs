//! How a connection is opened: engine version, pragmas, patience.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::Durability;
use crate::LedgerError;

/// Older engines can corrupt a WAL that several processes reset at once (fixed in 3.51.3).
const ENGINE_VERSION_MIN: i32 = 3_051_003;
/// After so long a lock is not busy but stuck.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pages in the WAL before they are moved into the main file. Four times the default, so that fewer
/// appends pay for the move, which costs two flushes.
const CHECKPOINT_PAGES: u32 = 4000;

/// Refuses an engine that is too old.
pub fn check_engine() -> Result<(), LedgerError> {
    check_engine_version(rusqlite::version_number(), rusqlite::version())
}

fn check_engine_version(number: i32, name: &str) -> Result<(), LedgerError> {
    if number >= ENGINE_VERSION_MIN {
        return Ok(());
    }
    Err(LedgerError::Engine(format!("SQLite {name} is older than 3.51.3 and not safe for several processes")))
}

/// The connection that writes. The file is created when it is not there.
pub fn writer(path: &Path, durability: Durability) -> Result<Connection, LedgerError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(LedgerError::Engine(format!("the ledger needs WAL, but the file stays in mode {mode}")));
    }
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Relaxed => "NORMAL",
    };
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1;
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; PRAGMA journal_size_limit = 67108864;"
    ))?;
    Ok(connection)
}

/// A connection that reads. The writer has opened the file before.
pub fn reader(path: &Path) -> Result<Connection, LedgerError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, LedgerError> {
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(patience()))?;
    connection.set_prepared_statement_cache_capacity(32);
    // No statement is parsed again because other values are bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; PRAGMA mmap_size = 0;
         PRAGMA trusted_schema = OFF;",
    )?;
    Ok(connection)
}

/// The engine's own back-off grows to 100 ms and starves whoever loses; this one stays short and is
/// jittered. Only a backstop: writers queue at the lock file.
fn patience() -> impl FnMut(i32) -> bool + Send + 'static {
    let seed = RandomState::new();
    let mut since = Instant::now();
    move |attempt| {
        if attempt == 0 {
            since = Instant::now();
        }
        let base_us = if attempt < 20 { 20 } else { 100 };
        let mut jitter = seed.build_hasher();
        jitter.write_i32(attempt);
        thread::sleep(Duration::from_micros(base_us + jitter.finish() % (4 * base_us)));
        since.elapsed() < PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::check_engine_version;

    #[test]
    fn an_engine_with_the_wal_reset_bug_is_refused() {
        assert!(check_engine_version(3_051_002, "3.51.2").is_err());
        assert!(check_engine_version(3_051_003, "3.51.3").is_ok());
    }
}
