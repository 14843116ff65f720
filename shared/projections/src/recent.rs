//! The newest operations: what a list of them shows.

use std::collections::VecDeque;

use gitledger_events::operation::SideEffect;
use gitledger_events::{Actor, Event, Fact, Repo};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Projection;

/// So many are kept. Older ones are found by their id only: they stay in the ledger.
pub const KEPT_MAX: usize = 1000;

/// The newest operations, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentOperations {
    kept: VecDeque<RecentOperation>,
}

/// An operation as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentOperation {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Actor::is_unknown")]
    pub actor: Actor,
    /// The repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<Repo>,
    /// The sandbox that it named or leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox_id: Option<String>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// How and when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<(Ending, Timestamp)>,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Done.
    Succeeded,
    /// With this code.
    Failed(String),
    /// Its function died; true when it can be told what is left behind.
    Abandoned(bool),
}

impl Projection for RecentOperations {
    const NAME: &'static str = "recent-operations";
    const VERSION: u32 = 1;

    fn apply(&mut self, event: &Event) {
        if let Fact::SandboxLeased(leased) = &event.event.fact {
            if let Some(operation) = self.find(leased.operation_id) {
                operation.sandbox_id = event.stream.sandbox_id().map(str::to_owned);
            }
            return;
        }
        let Some(id) = event.stream.operation_id() else { return };
        if let Fact::OperationRequested(requested) = &event.event.fact {
            self.kept.push_back(RecentOperation {
                id,
                name: event.event.operation.clone().unwrap_or_default(),
                actor: event.event.actor.clone(),
                repo: event.event.repo.clone(),
                sandbox_id: requested.sandbox_id.clone(),
                requested_at: event.event.recorded_at,
                end: None,
            });
            if self.kept.len() > KEPT_MAX {
                self.kept.pop_front();
            }
            return;
        }
        let (ending, ran_in) = match &event.event.fact {
            Fact::OperationSucceeded(done) => (Ending::Succeeded, done.sandbox_id.as_ref()),
            Fact::OperationFailed(failed) => {
                (Ending::Failed(failed.code.clone()), failed.sandbox_id.as_ref())
            }
            Fact::OperationAbandoned(abandoned) => {
                (Ending::Abandoned(abandoned.side_effect != SideEffect::Unknown), None)
            }
            _ => return,
        };
        if let Some(operation) = self.find(id) {
            operation.end = Some((ending, event.event.recorded_at));
            operation.sandbox_id = ran_in.cloned().or(operation.sandbox_id.take());
        }
    }
}

impl RecentOperations {
    /// The newest first.
    pub fn newest(&self) -> impl Iterator<Item = &RecentOperation> {
        self.kept.iter().rev()
    }

    fn find(&mut self, id: Uuid) -> Option<&mut RecentOperation> {
        self.kept.iter_mut().rev().find(|operation| operation.id == id)
    }
}
