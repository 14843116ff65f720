//! What the ledger tells of an operation, for tests that count.

use std::path::Path;

use serde_json::Value;

/// The events that end an operation.
const OUTCOMES: [&str; 3] = ["OperationSucceeded", "OperationFailed", "OperationAbandoned"];

/// The names of the events of one operation, in order.
pub fn names<'e>(events: &'e [Value], operation_id: &str) -> Vec<&'e str> {
    let stream = format!("operation-{operation_id}");
    events.iter().filter(|event| event["subject"] == stream.as_str()).map(name).collect()
}

/// The outcomes among an operation's events.
pub fn outcomes<'e>(events: &'e [Value], operation_id: &str) -> Vec<&'e str> {
    names(events, operation_id).into_iter().filter(|name| OUTCOMES.contains(name)).collect()
}

/// The ids of all operations that were asked for, in order; one that was asked for twice is there twice.
pub fn requested(events: &[Value]) -> Vec<&str> {
    let asked = events.iter().filter(|event| name(event) == "OperationRequested");
    asked.filter_map(|event| event["subject"].as_str()?.strip_prefix("operation-")).collect()
}

/// Every operation was asked for once and has one outcome.
pub fn assert_each_has_one_outcome(events: &[Value]) {
    for id in requested(events) {
        let names = names(events, id);
        let asked = names.iter().filter(|name| **name == "OperationRequested").count();
        assert_eq!((asked, outcomes(events, id).len()), (1, 1), "operation {id}: {names:?}");
    }
}

/// What SQLite says of the whole file: `ok`, or what is broken.
pub fn integrity(data: &Path) -> String {
    let file = data.join("ledger.db");
    let check = || -> rusqlite::Result<String> {
        let ledger = rusqlite::Connection::open(&file)?;
        ledger.query_row("PRAGMA integrity_check", [], |row| row.get(0))
    };
    check().unwrap_or_else(|error| format!("{}: {error}", file.display()))
}

fn name(event: &Value) -> &str {
    event["type"].as_str().unwrap_or_default().trim_start_matches("gitledger.")
}
