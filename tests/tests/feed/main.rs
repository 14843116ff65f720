//! The event feed: every event in the ledger is on the bus, whatever is killed or away meanwhile.

#![allow(clippy::unwrap_used)] // a panic is a test's answer

mod away;
mod eventbridge;
mod killed;

use std::path::Path;

use gitledger_events::operation::Timing;
use gitledger_events::{Elapsed, Stream};
use gitledger_ledger::Ledger;
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_tests::history;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

fn open(data: &Path) -> SqliteLedger {
    std::fs::create_dir_all(data).unwrap();
    SqliteLedger::open(&data.join("ledger.db"), Durability::Relaxed).unwrap()
}

/// An operation that was asked for and done: two events.
async fn operation(ledger: &dyn Ledger) {
    let (stream, now, took) = (Stream::operation(Uuid::now_v7()), Timestamp::now(), Elapsed::from_millis(7));
    let timing = Timing { duration_ms: took, git_ms: took, sandbox_wait_ms: Elapsed::ZERO };
    let facts = vec![history::requested(now).into(), history::succeeded(timing).into()];
    history::append(ledger, stream, "status", now, facts).await;
}

/// The bus has exactly the ledger's events, in its order, each as a CloudEvent under its type.
fn assert_is_the_ledger(messages: &[Value], events: &[Value]) {
    let ids = |all: &[Value], at: &str| -> Vec<Value> {
        all.iter().map(|one| one.pointer(at).cloned().unwrap_or_default()).collect()
    };
    assert_eq!(ids(messages, "/event/id"), ids(events, "/id"), "not every event once and in order");
    for (message, event) in messages.iter().zip(events) {
        assert_eq!(&message["event"], event);
        assert_eq!(message["id"], event["id"], "the id by which the bus knows it again");
        for required in ["specversion", "id", "source", "type"] {
            assert!(event[required].as_str().is_some_and(|text| !text.is_empty()), "{required}: {event:#}");
        }
        let kind = event["type"].as_str().unwrap().trim_start_matches("gitledger.");
        assert_eq!(message["subject"], format!("gitledger.events.{kind}"));
    }
}
