//! Events written straight into a ledger: what would take too long to make happen.

use gitledger_events::operation::{
    Effect, OperationFailed, OperationRequested, OperationSucceeded, SideEffect, Timing,
};
use gitledger_events::sandbox::SandboxCreated;
use gitledger_events::{Actor, Elapsed, Fact, NewEvent, Stream};
use gitledger_ledger::{Commit, Expected, Ledger};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// Appends facts of one instant to a stream, of agent `a1` and task `t1`.
pub async fn append(ledger: &dyn Ledger, stream: Stream, operation: &str, at: Timestamp, facts: Vec<Fact>) {
    let id = stream.operation_id().unwrap_or_else(Uuid::now_v7);
    let event = |fact| NewEvent {
        id: Uuid::now_v7(),
        recorded_at: at,
        operation: Some(operation.to_owned()),
        actor: Actor::new("a1", "t1"),
        repo: None,
        correlation_id: id,
        causation_id: None,
        fact,
    };
    let events = facts.into_iter().map(event).collect();
    let commit = Commit { id: Uuid::now_v7(), stream, expected: Expected::Any, events };
    if let Err(error) = ledger.append(commit).await {
        panic!("appending {operation}: {error}");
    }
}

/// A sandbox of the default size that lives an hour.
pub fn created(creation_ms: Elapsed, at: Timestamp) -> SandboxCreated {
    SandboxCreated {
        request_id: Uuid::now_v7(),
        template: "base".to_owned(),
        vcpu: 2,
        memory_mb: 512,
        creation_ms,
        expires_at: at + SignedDuration::from_hours(1),
    }
}

/// The intent of a write.
pub fn requested(deadline: Timestamp) -> OperationRequested {
    OperationRequested {
        effect: Effect::Writes,
        input: serde_json::json!({}),
        input_digest: String::new(),
        sandbox_id: None,
        holder: None,
        deadline,
    }
}

/// An operation that was done.
pub fn succeeded(timing: Timing) -> OperationSucceeded {
    OperationSucceeded {
        sandbox_id: None,
        timing,
        head_before: None,
        head_after: None,
        refs_changed: Vec::new(),
        bytes: 0,
        output: None,
        recovered: false,
    }
}

/// An operation that was not.
pub fn failed(code: &str, error_type: &str, timing: Timing) -> OperationFailed {
    OperationFailed {
        sandbox_id: None,
        timing,
        code: code.to_owned(),
        error_type: error_type.to_owned(),
        retryable: false,
        side_effect: SideEffect::None,
        message: String::new(),
        remedy: None,
        output: None,
        recovered: false,
    }
}
