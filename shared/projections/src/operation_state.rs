//! One operation: the fold of its own stream.

use std::collections::BTreeMap;

use gitledger_events::operation::{
    OperationAbandoned, OperationFailed, OperationRequested, OperationSucceeded, PushOutcome, PushPrepared,
    SandboxRequested,
};
use gitledger_events::{Actor, Event, Fact, Repo};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What its stream says about one operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperationState {
    /// Its id, once an event was seen.
    pub id: Option<Uuid>,
    /// The version of the last event seen: what the next append expects. 0 before the first.
    pub version: u64,
    /// Its name, for example `commit`.
    pub name: Option<String>,
    /// Who asked.
    pub actor: Actor,
    /// The repository.
    pub repo: Option<Repo>,
    /// When the first event was recorded.
    pub started_at: Option<Timestamp>,
    /// The intent: input, digest, effect, holder, deadline, named sandbox.
    pub requested: Option<OperationRequested>,
    /// The sandboxes it asked for, in order.
    pub sandboxes_requested: Vec<SandboxRequested>,
    /// Its pushes, by attempt.
    pub pushes: BTreeMap<u32, Push>,
    /// The paths of the last conflict.
    pub conflict: Vec<String>,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
    /// When that was recorded.
    pub ended_at: Option<Timestamp>,
}

/// One push of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// What was to be sent.
    pub prepared: Option<PushPrepared>,
    /// How it ended; `None` when nothing says so.
    pub outcome: Option<PushOutcome>,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was done.
    Succeeded(OperationSucceeded),
    /// git said no, or the platform did.
    Failed(OperationFailed),
    /// Its function died and the reaper closed it.
    Abandoned(OperationAbandoned),
}

impl OperationState {
    /// The state after a whole stream.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut state = Self::default();
        for event in events {
            state.evolve(event);
        }
        state
    }

    /// Takes in the next event of this operation's stream; events of other streams change nothing.
    pub fn evolve(&mut self, event: &Event) {
        let Some(id) = event.stream.operation_id() else { return };
        if *self.id.get_or_insert(id) != id {
            return;
        }
        if self.version == 0 {
            self.name.clone_from(&event.event.operation);
            self.actor = event.event.actor.clone();
            self.started_at = Some(event.event.recorded_at);
        }
        self.version = event.version;
        if event.event.repo.is_some() {
            self.repo.clone_from(&event.event.repo);
        }
        match &event.event.fact {
            Fact::OperationRequested(requested) => self.requested = Some(requested.clone()),
            Fact::SandboxRequested(requested) => self.sandboxes_requested.push(requested.clone()),
            Fact::PushPrepared(prepared) => {
                self.pushes.entry(prepared.attempt).or_default().prepared = Some(prepared.clone());
            }
            Fact::PushAttempted(attempted) => {
                self.pushes.entry(attempted.attempt).or_default().outcome = Some(attempted.outcome);
            }
            Fact::ConflictDetected(conflict) => self.conflict.clone_from(&conflict.paths),
            Fact::OperationSucceeded(data) => self.end(Outcome::Succeeded(data.clone()), event),
            Fact::OperationFailed(data) => self.end(Outcome::Failed(data.clone()), event),
            Fact::OperationAbandoned(data) => self.end(Outcome::Abandoned(data.clone()), event),
            _ => {}
        }
    }

    /// True when it was begun and nothing says how it ended.
    pub fn is_open(&self) -> bool {
        self.version > 0 && self.outcome.is_none()
    }

    /// The push of which it is not known whether it landed: the last one, if it was prepared and its
    /// end is missing or unknown. The remote has to be asked.
    pub fn unresolved_push(&self) -> Option<&PushPrepared> {
        let push = self.pushes.values().next_back()?;
        match push.outcome {
            None | Some(PushOutcome::Unknown) => push.prepared.as_ref(),
            Some(_) => None,
        }
    }

    fn end(&mut self, outcome: Outcome, event: &Event) {
        // The first outcome stands; an append after it would be a bug elsewhere, not a change of mind.
        if self.outcome.is_none() {
            self.outcome = Some(outcome);
            self.ended_at = Some(event.event.recorded_at);
        }
    }
}
