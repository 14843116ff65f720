//! Events for tests, in few words.

use gitledger_events::operation::{
    Effect, OperationFailed, OperationRequested, OperationSucceeded, PushAttempted, PushOutcome, SideEffect,
    Timing,
};
use gitledger_events::sandbox::{Reuse, SandboxCreated, SandboxLeased, SandboxReleased};
use gitledger_events::{Actor, Elapsed, Event, Fact, NewEvent, Repo, Stream};
use jiff::Timestamp;
use uuid::Uuid;

/// 2026-03-10T00:00:00Z plus seconds.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_773_100_800 + second).unwrap()
}

pub fn id(number: u64) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

pub fn repo() -> Repo {
    Repo::from_parts("github.com", "/acme/app")
}

/// Events on their way; versions are counted per stream.
#[derive(Default)]
pub struct Ledger {
    pub events: Vec<Event>,
}

impl Ledger {
    pub fn add(&mut self, stream: Stream, second: i64, name: &str, agent: &str, fact: impl Into<Fact>) {
        let version = self.events.iter().filter(|event| event.stream == stream).count() as u64 + 1;
        let correlation_id = stream.operation_id().unwrap_or_default();
        let event = NewEvent {
            id: id(self.events.len() as u64),
            recorded_at: at(second),
            operation: Some(name.to_owned()),
            actor: Actor::new(agent, "t1"),
            repo: Some(repo()),
            correlation_id,
            causation_id: None,
            fact: fact.into(),
        };
        self.events.push(Event { stream, version, event });
    }

    pub fn operation(&mut self, number: u64, second: i64, name: &str, fact: impl Into<Fact>) {
        self.add(Stream::operation(id(number)), second, name, "a1", fact);
    }

    pub fn sandbox(&mut self, sandbox: &str, second: i64, fact: impl Into<Fact>) {
        self.add(Stream::sandbox(sandbox).unwrap(), second, "commit", "a1", fact);
    }
}

pub fn requested(deadline: i64) -> OperationRequested {
    OperationRequested {
        effect: Effect::Writes,
        input: serde_json::json!({ "message": "first" }),
        input_digest: "00".to_owned(),
        sandbox_id: None,
        holder: Some("local-1".to_owned()),
        deadline: at(deadline),
    }
}

pub fn succeeded(millis: u64) -> OperationSucceeded {
    OperationSucceeded {
        sandbox_id: None,
        timing: timing(millis),
        head_before: None,
        head_after: None,
        refs_changed: Vec::new(),
        bytes: 0,
        output: None,
        recovered: false,
    }
}

pub fn failed(code: &str, error_type: &str, millis: u64) -> OperationFailed {
    OperationFailed {
        sandbox_id: None,
        timing: timing(millis),
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

fn timing(millis: u64) -> Timing {
    let all = Elapsed::from_millis(millis);
    Timing { duration_ms: all, git_ms: all, sandbox_wait_ms: Elapsed::ZERO }
}

pub fn pushed(attempt: u32, outcome: PushOutcome) -> PushAttempted {
    PushAttempted { attempt, outcome }
}

pub fn created(expires: i64) -> SandboxCreated {
    SandboxCreated {
        request_id: id(900),
        template: "git".to_owned(),
        vcpu: 2,
        memory_mb: 512,
        creation_ms: Elapsed::from_millis(400),
        expires_at: at(expires),
    }
}

pub fn leased(operation: u64, epoch: u64, until: i64, reuse: Reuse) -> SandboxLeased {
    SandboxLeased { operation_id: id(operation), epoch, until: at(until), reuse }
}

pub fn released(operation: u64, epoch: u64) -> SandboxReleased {
    SandboxReleased { operation_id: id(operation), epoch, held_ms: Elapsed::ZERO }
}
