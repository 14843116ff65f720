//! Callers who wait no longer than a sandbox is taken, or than there is to do: they are answered, and somebody goes on.

use std::time::Duration;

use gitledger_events::Stream;
use gitledger_functions::answer::Outcome;
use gitledger_functions::story::{Turn, resume};
use gitledger_functions::{Request, World, operate};
use gitledger_sandboxes::{OpenRequest, World as _};
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ground::{Clock, Ground, open, origin};

async fn happened(world: &World, id: Uuid) -> Vec<String> {
    let records = world.ledger.read_stream(&Stream::operation(id), 1).await.expect("its stream");
    let events = records.into_iter().map(|record| record.decode().expect("an event"));
    events.map(|event| event.event.fact.name().to_owned()).collect()
}

/// Asks, and waits half a second: what is told then is that it goes on. Gives its id.
async fn ask(world: &World, operation: &str, input: Value) -> Uuid {
    let request = Request::new(operation, input, None, world.clock.id()).expect("a request");
    let id = request.operation_id;
    let answer = operate(world, request.patient(Some(Duration::from_millis(500)))).await.expect("an answer");
    assert_eq!(answer.outcome, Outcome::Unknown, "{answer:?}");
    assert_eq!(happened(world, id).await, ["OperationRequested", "OperationDeferred"]);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlasts_its_callers_patience_is_deferred_and_gone_on_with() {
    let ground = Ground::new().await;
    let clock = Clock::off_by(0);
    let world = ground.world(clock.clone()).await;
    let turn = Turn { by: "the next".to_owned(), patience: Duration::from_mins(1) };

    let until = clock.now() + SignedDuration::from_mins(10);
    let taken = OpenRequest { until, ..open(&clock) };
    let lease = world.sandboxes.open(&taken, &origin()).await.expect("a sandbox");
    let added = ask(&world, "add", json!({"sandbox_id": lease.sandbox_id, "all": true})).await;
    world.sandboxes.release(&lease, Vec::new()).await.expect("it is free");
    // There is no repository in it, which is an outcome.
    let answer = resume(&world, added, &turn).await.expect("an answer");
    assert_eq!(answer.outcome, Outcome::Failed, "{answer:?}");

    // It looks at every sandbox, for as long as that takes.
    let reaped = ask(&world, "sandbox-reap", json!({})).await;
    let answer = resume(&world, reaped, &turn).await.expect("an answer");
    assert_eq!(answer.outcome, Outcome::Succeeded, "{answer:?}");
    ground.end().await;
}
