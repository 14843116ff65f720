//! One commit: look, decide, insert.

use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::books::Books;
use super::schema::EARLY_VERSIONS;
use super::tail::{Kept, Tail};
use crate::written::{WrittenCommit, WrittenEvent};
use crate::{AppendError, Appended, Expected, LedgerError};

const NEWEST: &str = "SELECT e.seq, e.pos, e.commit_id FROM (
    SELECT positions ->> '$[#-1]' AS pos FROM streams WHERE stream = ?1 ORDER BY seq DESC LIMIT 1
  ) AS newest CROSS JOIN events AS e ON e.pos = newest.pos";
const EARLY_COMMIT: &str = "SELECT e.seq, e.pos, e.commit_id
  FROM streams AS s CROSS JOIN json_each(s.positions) AS p CROSS JOIN events AS e ON e.pos = p.value
  WHERE s.stream = ?1 AND s.seq <= ?3 AND e.seq <= ?3 AND e.commit_id = ?2 ORDER BY e.seq DESC LIMIT 1";
const LATE_COMMIT: &str = "SELECT seq, pos, commit_id FROM late_commits
  WHERE stream = ?1 AND commit_id = ?2 AND seq > ?3 ORDER BY seq DESC LIMIT 1";
const INSERT: &str = "INSERT INTO events (pos, id, commit_id, stream, seq, type, ts, meta, data)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const INSERT_UNLESS_FILED: &str = "INSERT INTO events (pos, id, commit_id, stream, seq, type, ts, meta, data)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE NOT EXISTS (SELECT 1 FROM streams WHERE stream = ?4)";

/// The usual append in one statement, which is its own transaction: one event at a version that the tail
/// tells. `None`: not to be done or not to be decided like that, and nothing is written.
///
/// The tail may be behind the file. Then the position after its end is taken, and the insert fails; so
/// what is inserted was decided from knowledge that was right. Refusals and repeats are not given here.
pub fn at_once(books: &mut Books, commit: &WrittenCommit) -> Option<Result<Appended, AppendError>> {
    let [event] = commit.events.as_slice() else { return None };
    if books.tail.is_full_with(1) {
        return None;
    }
    let (sql, version) = at_once_after(&books.tail, commit)?;
    let kept = Kept { id: commit.id, version: version + 1, position: books.tail.head() + 1 };
    match insert(&books.connection, sql, commit, event, kept) {
        // The stream is filed.
        Ok(0) => None,
        Ok(_) => {
            books.tail.note(commit.stream.as_str(), 1, kept);
            Some(Ok(kept.appended(false)))
        }
        Err(error) if is_taken(&error) => None,
        Err(error) => {
            books.tail.forget();
            Some(Err(error.into()))
        }
    }
}

/// How to insert what is surely new and as expected, and after which version.
fn at_once_after(tail: &Tail, commit: &WrittenCommit) -> Option<(&'static str, u64)> {
    let Some(known) = tail.of(commit.stream.as_str()) else {
        let new = matches!(commit.expected, Expected::Empty | Expected::Version(0));
        return new.then_some((INSERT_UNLESS_FILED, 0));
    };
    let newest = known.newest()?;
    let fits = match commit.expected {
        Expected::Version(expected) => expected == newest.version && newest.id != commit.id,
        Expected::Any => known.is_whole() && known.find(commit.id).is_none(),
        Expected::Empty => false,
    };
    fits.then_some((INSERT, newest.version))
}

/// The position has an event.
fn is_taken(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| {
        matches!(error.extended_code, SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_ROWID)
    })
}

/// Appends, repeats or refuses, inside a transaction. Nothing is written on a refusal.
pub fn append(books: &mut Books, commit: &WrittenCommit) -> Result<Appended, AppendError> {
    books.catch_up()?;
    let known = books.tail.of(commit.stream.as_str());
    let newest = match known.and_then(super::tail::Known::newest) {
        None => filed_newest(&books.connection, commit)?,
        known => known,
    };
    if let Some(newest) = newest.filter(|newest| newest.id == commit.id) {
        return Ok(newest.appended(true));
    }
    let version = newest.map_or(0, |newest| newest.version);
    // A version that is as expected was not yet known to whoever made this commit the first time, and the
    // newest commit is another: so it is not a repeat. In all other cases it may be one.
    let is_new = match commit.expected {
        Expected::Empty => version == 0,
        Expected::Version(expected) => version == expected,
        Expected::Any => false,
    };
    if !is_new {
        if let Some(first) = earlier(books, commit, version)? {
            return Ok(first.appended(true));
        }
        if commit.expected != Expected::Any {
            return Err(AppendError::Conflict { actual: version });
        }
    }
    Ok(insert_all(books, commit, version)?.appended(false))
}

/// The end of a stream that has no event in the tail.
fn filed_newest(connection: &Connection, commit: &WrittenCommit) -> Result<Option<Kept>, LedgerError> {
    let mut statement = connection.prepare_cached(NEWEST)?;
    Ok(statement.query_row([commit.stream.as_str()], kept).optional()?)
}

/// This commit, if it was appended before. One that begins among the early versions and ends among the late
/// ones is found by its end.
fn earlier(books: &Books, commit: &WrittenCommit, version: u64) -> Result<Option<Kept>, LedgerError> {
    if version == 0 {
        return Ok(None);
    }
    if let Some(known) = books.tail.of(commit.stream.as_str()) {
        let found = known.find(commit.id);
        if found.is_some() || known.is_whole() {
            return Ok(found);
        }
    }
    if version > EARLY_VERSIONS
        && let Some(found) = filed(&books.connection, LATE_COMMIT, commit)?
    {
        return Ok(Some(found));
    }
    filed(&books.connection, EARLY_COMMIT, commit)
}

/// The last event of this commit.
fn filed(connection: &Connection, sql: &str, commit: &WrittenCommit) -> Result<Option<Kept>, LedgerError> {
    let mut statement = connection.prepare_cached(sql)?;
    let parameters = params![commit.stream.as_str(), commit.id.as_bytes(), EARLY_VERSIONS.cast_signed()];
    Ok(statement.query_row(parameters, kept).optional()?)
}

fn kept(row: &rusqlite::Row<'_>) -> rusqlite::Result<Kept> {
    Ok(Kept {
        version: row.get::<_, i64>(0)?.cast_unsigned(),
        position: row.get::<_, i64>(1)?.cast_unsigned(),
        id: Uuid::from_bytes(row.get(2)?),
    })
}

/// The tail takes note only when all rows are in: a commit that fails half-way is in neither.
fn insert_all(books: &mut Books, commit: &WrittenCommit, version: u64) -> Result<Kept, LedgerError> {
    let mut kept = Kept { id: commit.id, version, position: books.tail.head() };
    for event in &commit.events {
        kept = Kept { version: kept.version + 1, position: kept.position + 1, ..kept };
        insert(&books.connection, INSERT, commit, event, kept)?;
    }
    books.tail.note(commit.stream.as_str(), kept.version - version, kept);
    Ok(kept)
}

fn insert(
    connection: &Connection,
    sql: &str,
    commit: &WrittenCommit,
    event: &WrittenEvent,
    at: Kept,
) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(params![
        at.position.cast_signed(),
        event.id.as_bytes(),
        commit.id.as_bytes(),
        commit.stream.as_str(),
        at.version.cast_signed(),
        event.name,
        event.recorded_at_us,
        event.meta,
        event.data.get(),
    ])
}
