//! The contract, on SQLite.

#![allow(clippy::unwrap_used)] // a panic is the report of a test

use std::sync::Arc;

use gitledger_ledger::Ledger;
use gitledger_ledger::contract::CASES;
use gitledger_ledger::sqlite::{Durability, SqliteLedger};

async fn keep_every_promise(durability: Durability) {
    let folder = tempfile::tempdir().unwrap();
    let mut broken = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        let path = folder.path().join(format!("{number}.db"));
        let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(&path, durability).unwrap());
        if let Err(how) = (case.run)(ledger).await {
            broken.push(format!("{}: {how}", case.name));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_keeps_every_promise() {
    keep_every_promise(Durability::Full).await;
}

/// Here every append goes through the writer's thread.
#[tokio::test]
async fn sqlite_keeps_every_promise_on_a_runtime_of_one_thread() {
    keep_every_promise(Durability::Full).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_every_promise_without_flushing() {
    keep_every_promise(Durability::Relaxed).await;
}
