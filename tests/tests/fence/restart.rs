//! A program that is started again on a long ledger answers soon.

use std::time::{Duration, Instant};

use gitledger_events::operation::{PushAttempted, PushOutcome};
use gitledger_events::{Actor, Fact, NewEvent, Stream};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_ledger::{Commit, Expected, Ledger};
use gitledger_tests::Setup;
use jiff::Timestamp;
use uuid::Uuid;

use crate::examples;

/// Of an optimised program; others get more.
const SERVES_WITHIN: Duration =
    if cfg!(debug_assertions) { Duration::from_secs(30) } else { Duration::from_secs(1) };
const PER_COMMIT: usize = 500;

fn event(operation_id: Uuid, fact: impl Into<Fact>) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        recorded_at: Timestamp::now(),
        operation: Some("push".to_owned()),
        actor: Actor::new("a1", "t1"),
        repo: None,
        correlation_id: operation_id,
        causation_id: None,
        fact: fact.into(),
    }
}

async fn filled(setup: &Setup, events: usize) {
    std::fs::create_dir_all(setup.data()).expect("a folder");
    let ledger = SqliteLedger::open(&setup.data().join("ledger.db"), Durability::Relaxed).expect("a ledger");
    for _ in 0..events / PER_COMMIT {
        let id = Uuid::now_v7();
        let attempted = |attempt| PushAttempted { attempt, outcome: PushOutcome::Failed };
        let events = (1..).map(attempted).map(|fact| event(id, fact)).take(PER_COMMIT).collect();
        let commit =
            Commit { id: Uuid::now_v7(), stream: Stream::operation(id), expected: Expected::Empty, events };
        ledger.append(commit).await.expect("a commit");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_on_a_long_ledger_serves_soon() {
    let events = examples(100_000, 100_000);
    let setup = Setup::new();
    filled(&setup, events).await;
    let first = Instant::now();
    let system = setup.start().await;
    let first = first.elapsed();
    // The state is asked for, so that it is folded, and kept at the end.
    assert_eq!(system.get("/metrics").await.0, 200);
    system.stop().await;
    let again = Instant::now();
    let system = setup.start().await;
    let served = system.get("/metrics").await.0;
    let again = again.elapsed();
    system.stop().await;
    let failed = usize::from(again > SERVES_WITHIN || served != 200);
    println!("S-18 restart: {events} events; first start {first:?}, restart to an answer {again:?}");
    println!("S-18 restart: {} passed, {failed} failed", 1 - failed);
    assert_eq!(failed, 0, "{again:?}");
}
