//! The file: what is refused, what cannot be changed, what a stop leaves behind.

#![allow(clippy::unwrap_used)] // a panic is the report of a test

use std::path::Path;
use std::sync::Arc;

use gitledger_ledger::contract::sample::{commit, stream};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_ledger::{Expected, Ledger, LedgerError, Position};
use rusqlite::Connection;

fn open(path: &Path) -> Result<SqliteLedger, LedgerError> {
    SqliteLedger::open(path, Durability::Full)
}

#[tokio::test]
async fn a_ledger_is_there_again_after_it_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let first = open(&path).unwrap().append(commit(1, stream(1), Expected::Empty)).await.unwrap();
    let ledger = open(&path).unwrap();
    assert_eq!(Some(ledger.head().await.unwrap()), first.position);
    assert!(ledger.append(commit(1, stream(1), Expected::Empty)).await.unwrap().repeated);
}

#[test]
fn a_ledger_of_a_newer_program_is_refused_with_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    drop(open(&path).unwrap());
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    let message = open(&path).unwrap_err().to_string();
    assert!(message.contains("schema version 2") && message.contains("knows 1"), "{message}");
}

#[test]
fn a_database_that_is_not_a_ledger_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE mine (x)").unwrap();
    assert!(open(&path).unwrap_err().to_string().contains("not a ledger"));
    let tables: i64 = other.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
    std::fs::write(folder.path().join("text.db"), "not a database at all, but long enough to be read")
        .unwrap();
    assert!(open(&folder.path().join("text.db")).is_err());
    assert!(open(&folder.path().join("no such folder/ledger.db")).is_err());
}

#[tokio::test]
async fn events_can_neither_be_changed_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    open(&path).unwrap().append(commit(1, stream(1), Expected::Empty)).await.unwrap();
    let connection = Connection::open(&path).unwrap();
    for sql in ["UPDATE events SET type = 'x'", "DELETE FROM events"] {
        let message = connection.execute(sql, []).unwrap_err().to_string();
        assert!(message.contains("append only"), "{message}");
    }
}

#[tokio::test]
async fn a_row_that_is_no_event_is_named_by_its_position() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = open(&path).unwrap();
    ledger.append(commit(1, stream(1), Expected::Empty)).await.unwrap();
    let sql = "INSERT INTO events (id, commit_id, stream, seq, type, ts, meta, data)
      VALUES (zeroblob(16), zeroblob(16), 'sandbox-x', 1, 'x', 0, '{}', 'not json')";
    Connection::open(&path).unwrap().execute(sql, []).unwrap();
    let error = ledger.read_all(Position::START, 10).await.unwrap_err();
    assert!(matches!(error, LedgerError::Unreadable { position: 2, .. }), "{error}");
    ledger.append(commit(2, stream(2), Expected::Empty)).await.unwrap();
    let page = ledger.read_events(Position::START, 10).await.unwrap();
    let told: Vec<_> = page.iter().map(|next| (next.position.as_u64(), next.event.is_ok())).collect();
    assert_eq!(told, [(1, true), (2, false), (3, true)], "one that is broken holds nobody up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_that_wait_when_the_ledger_is_dropped_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = Arc::new(open(&path).unwrap());
    let appends: Vec<_> = (0..50)
        .map(|id| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move { ledger.append(commit(id, stream(id), Expected::Empty)).await })
        })
        .collect();
    drop(ledger);
    for append in appends {
        append.await.unwrap().unwrap();
    }
    assert_eq!(open(&path).unwrap().head().await.unwrap(), Position::from_u64(50));
}
