//! Callers who wait no longer than a sandbox is taken: they are answered, and somebody goes on.

use std::sync::Arc;
use std::time::Duration;

use gitledger_events::Stream;
use gitledger_functions::access::{Grant, Principal};
use gitledger_functions::answer::Outcome;
use gitledger_functions::story::{Turn, resume};
use gitledger_functions::{Request, World, operate};
use gitledger_sandboxes::{OpenRequest, World as _};
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use crate::ground::{Clock, Ground, open, origin};

async fn happened(world: &World, id: Uuid) -> Vec<String> {
    let records = world.ledger.read_stream(&Stream::operation(id), 1).await.expect("its stream");
    let events = records.into_iter().map(|record| record.decode().expect("an event"));
    events.map(|event| event.event.fact.name().to_owned()).collect()
}

/// A key for all repositories.
fn key() -> Principal {
    let (key_id, repos) = ("k1".to_owned(), Vec::new());
    Principal::Key(Arc::new(Grant { key_id, admin: false, read_only: false, repos }))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_sandbox_longer_than_its_caller_is_deferred_and_gone_on_with() {
    let ground = Ground::new().await;
    let clock = Clock::off_by(0);
    let world = ground.world(clock.clone()).await;
    let turn = Turn { by: "the next".to_owned(), patience: Duration::from_mins(1) };
    for principal in [Principal::Operator, key()] {
        let mut origin = origin();
        origin.actor.key_id = principal.key_id().map(str::to_owned);
        let until = clock.now() + SignedDuration::from_mins(10);
        let taken = OpenRequest { until, ..open(&clock) };
        let lease = world.sandboxes.open(&taken, &origin).await.expect("a sandbox");
        let input = json!({"sandbox_id": lease.sandbox_id, "all": true});
        let request = Request::new("add", input, None, world.clock.id()).expect("a request").by(principal);
        let id = request.operation_id;
        let request = request.patient(Some(Duration::from_millis(500)));
        let answer = operate(&world, request).await.expect("an answer");
        assert_eq!(answer.outcome, Outcome::Unknown, "{answer:?}");
        assert_eq!(happened(&world, id).await, ["OperationRequested", "OperationDeferred"]);
        world.sandboxes.release(&lease, Vec::new()).await.expect("it is free");
        // There is no repository in it, which is an outcome.
        let answer = resume(&world, id, &turn).await.expect("an answer");
        assert_eq!(answer.outcome, Outcome::Failed, "{answer:?}");
    }
    ground.end().await;
}
