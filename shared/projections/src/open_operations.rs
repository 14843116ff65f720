//! The operations that were begun and have no outcome: the reaper's list.

use std::collections::BTreeMap;

use gitledger_events::operation::Effect;
use gitledger_events::{Actor, Event, Fact, Repo};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Projection;

/// All operations without an outcome. Inputs are not kept: whoever closes one reads its stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOperations {
    open: BTreeMap<Uuid, OpenOperation>,
}

/// An operation that is under way, or whose function has died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOperation {
    /// Its id.
    pub id: Uuid,
    /// The version of its stream: what the closing append expects.
    pub version: u64,
    /// Its name.
    pub name: Option<String>,
    /// Who asked.
    pub actor: Actor,
    /// The repository.
    pub repo: Option<Repo>,
    /// What it may do to the world.
    pub effect: Effect,
    /// Which process works on it.
    pub holder: Option<String>,
    /// The sandbox that it leased, or that the caller named.
    pub sandbox_id: Option<String>,
    /// When it was begun.
    pub requested_at: Timestamp,
    /// After this instant nobody works on it any more.
    pub deadline: Timestamp,
    /// True between a push's preparation and its recorded end: the remote has to be asked.
    pub pushing: bool,
}

impl Projection for OpenOperations {
    const NAME: &'static str = "open-operations";
    const VERSION: u32 = 1;

    fn apply(&mut self, event: &Event) {
        if let Fact::SandboxLeased(leased) = &event.event.fact {
            if let Some(operation) = self.open.get_mut(&leased.operation_id) {
                operation.sandbox_id = event.stream.sandbox_id().map(str::to_owned);
            }
            return;
        }
        let Some(id) = event.stream.operation_id() else { return };
        match &event.event.fact {
            fact if fact.is_outcome() => {
                self.open.remove(&id);
                return;
            }
            Fact::OperationRequested(requested) => {
                let operation = OpenOperation {
                    id,
                    version: event.version,
                    name: event.event.operation.clone(),
                    actor: event.event.actor.clone(),
                    repo: event.event.repo.clone(),
                    effect: requested.effect,
                    holder: requested.holder.clone(),
                    sandbox_id: requested.sandbox_id.clone(),
                    requested_at: event.event.recorded_at,
                    deadline: requested.deadline,
                    pushing: false,
                };
                self.open.insert(id, operation);
            }
            _ => {}
        }
        let Some(operation) = self.open.get_mut(&id) else { return };
        operation.version = event.version;
        match &event.event.fact {
            Fact::PushPrepared(_) => operation.pushing = true,
            Fact::PushAttempted(attempted) => {
                operation.pushing = attempted.outcome == gitledger_events::operation::PushOutcome::Unknown;
            }
            _ => {}
        }
    }
}

impl OpenOperations {
    /// All of them, by id.
    pub fn all(&self) -> impl Iterator<Item = &OpenOperation> {
        self.open.values()
    }

    /// One of them.
    pub fn get(&self, id: Uuid) -> Option<&OpenOperation> {
        self.open.get(&id)
    }

    /// Those whose deadline is over at `now`, the longest overdue first.
    pub fn overdue(&self, now: Timestamp) -> Vec<&OpenOperation> {
        let mut overdue: Vec<_> = self.all().filter(|operation| operation.deadline < now).collect();
        overdue.sort_by_key(|operation| (operation.deadline, operation.id));
        overdue
    }

    /// Those of one holder: a program that starts anew closes its dead predecessor's at once.
    pub fn held_by(&self, holder: &str) -> impl Iterator<Item = &OpenOperation> {
        self.all().filter(move |operation| operation.holder.as_deref() == Some(holder))
    }
}
