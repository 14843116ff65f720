//! A ledger as a week of work leaves it, for what is measured: written straight, because it would take a week.

#![allow(clippy::expect_used, clippy::unwrap_used)] // what is measured has no other way to fail

use gitledger_events::operation::{
    Effect, OperationFailed, OperationRequested, OperationSucceeded, SideEffect, Timing,
};
use gitledger_events::sandbox::{
    KillReason, Reuse, SandboxCreated, SandboxKilled, SandboxLeased, SandboxReleased,
};
use gitledger_events::{Actor, Elapsed, Fact, NewEvent, Repo, Stream};
use gitledger_ledger::{Commit, Expected, Ledger};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::history;

/// How many operations a sandbox has. With each come four events, and with each sandbox two.
pub const A_SANDBOX: u64 = 50;
/// The time they are spread over.
const SPREAD_S: u64 = 7 * 24 * 3600;

const NAMES: [&str; 12] = [
    "status",
    "diff",
    "log",
    "file-read",
    "commit",
    "push",
    "clone",
    "add",
    "fetch",
    "branch-list",
    "show",
    "pull",
];

/// So many operations, up to now.
pub async fn week(ledger: &dyn Ledger, operations: u64) {
    for sandbox in 0..operations / A_SANDBOX {
        fill(ledger, sandbox, operations).await;
    }
}

/// A sandbox's life and the operations in it, at instants spread over the time.
async fn fill(ledger: &dyn Ledger, sandbox: u64, operations: u64) {
    let start =
        Timestamp::now().checked_sub(SignedDuration::from_secs(i64::try_from(SPREAD_S).expect("it fits")));
    let start = start.expect("an instant");
    let each_ms = SPREAD_S * 1000 / operations;
    let at = |number: u64, ms: u64| {
        let ms = (sandbox * A_SANDBOX + number) * each_ms + ms;
        start
            .checked_add(SignedDuration::from_millis(i64::try_from(ms).expect("it fits")))
            .expect("an instant")
    };
    let stream = Stream::sandbox(&format!("i{sandbox:020}")).expect("a stream");
    let mut life = vec![event(at(0, 0), sandbox, Uuid::now_v7(), "clone", created(at(A_SANDBOX + 9, 0)))];
    for number in 0..A_SANDBOX {
        let (id, name) = (Uuid::now_v7(), NAMES[usize::try_from((number * 7 + sandbox) % 12).unwrap_or(0)]);
        let reuse = if number == 0 { Reuse::New } else { Reuse::Ready };
        let leased = SandboxLeased { operation_id: id, epoch: number + 1, until: at(number, 60_000), reuse };
        let released =
            SandboxReleased { operation_id: id, epoch: number + 1, held_ms: Elapsed::from_millis(900) };
        life.push(event(at(number, 10), sandbox, id, name, leased));
        life.push(event(at(number, 910), sandbox, id, name, released));
        let facts = [requested(at(number, 60_000)), ended(number * 31 + sandbox)];
        let [first, second] = facts;
        let events = vec![
            event(at(number, 5), sandbox, id, name, first),
            event(at(number, 905), sandbox, id, name, second),
        ];
        append(ledger, Stream::operation(id), events).await;
    }
    life.push(event(
        at(A_SANDBOX, 0),
        sandbox,
        Uuid::now_v7(),
        "idle",
        SandboxKilled { reason: KillReason::Idle },
    ));
    append(ledger, stream, life).await;
}

async fn append(ledger: &dyn Ledger, stream: Stream, events: Vec<NewEvent>) {
    let commit = Commit { id: Uuid::now_v7(), stream, expected: Expected::Empty, events };
    ledger.append(commit).await.expect("appended");
}

fn event(at: Timestamp, sandbox: u64, operation: Uuid, name: &str, fact: impl Into<Fact>) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        recorded_at: at,
        operation: Some(name.to_owned()),
        actor: Actor::new(format!("agent-{}", sandbox % 40), format!("task-{sandbox}")),
        repo: Some(Repo::from_parts("github.com", &format!("/acme/app-{}", sandbox % 12))),
        correlation_id: operation,
        causation_id: None,
        fact: fact.into(),
    }
}

fn created(expires_at: Timestamp) -> SandboxCreated {
    let template = "base".to_owned();
    let creation_ms = Elapsed::from_millis(700);
    SandboxCreated { request_id: Uuid::now_v7(), template, vcpu: 2, memory_mb: 512, creation_ms, expires_at }
}

fn requested(deadline: Timestamp) -> Fact {
    let input = json!({"sandbox_id": "i0123456789abcdefghij", "message": "A change"});
    let input_digest = "00".repeat(32);
    OperationRequested {
        effect: Effect::Writes,
        input,
        input_digest,
        sandbox_id: None,
        holder: None,
        deadline,
    }
    .into()
}

fn ended(seed: u64) -> Fact {
    let git_ms = Elapsed::from_millis(20 + seed * 7919 % 900);
    let sandbox_wait_ms = Elapsed::from_millis(5);
    let timing = Timing { duration_ms: git_ms + sandbox_wait_ms, git_ms, sandbox_wait_ms };
    if seed.is_multiple_of(23) {
        return OperationFailed {
            sandbox_id: None,
            timing,
            code: "merge-conflict".to_owned(),
            error_type: ["conflict", "network", "auth", "timeout"][usize::try_from(seed % 4).unwrap_or(0)]
                .to_owned(),
            retryable: false,
            side_effect: SideEffect::None,
            message: "CONFLICT (content): Merge conflict in app.txt".to_owned(),
            remedy: None,
            output: None,
            recovered: false,
        }
        .into();
    }
    OperationSucceeded {
        bytes: 400,
        output: Some(json!({"branch": "main", "clean": true})),
        ..history::succeeded(timing)
    }
    .into()
}
