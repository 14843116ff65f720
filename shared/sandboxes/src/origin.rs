//! On whose behalf something is recorded.

use gitledger_events::{Actor, Fact, NewEvent, Repo};
use uuid::Uuid;

use crate::World;

/// What every event of one operation says about where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The operation's name, for example `commit`.
    pub operation: Option<String>,
    /// Who asked.
    pub actor: Actor,
    /// The repository.
    pub repo: Option<Repo>,
    /// The operation's id.
    pub correlation_id: Uuid,
}

impl Origin {
    /// A fact as an event of this operation.
    pub fn event(&self, world: &dyn World, fact: impl Into<Fact>) -> NewEvent {
        NewEvent {
            id: world.id(),
            recorded_at: world.now(),
            operation: self.operation.clone(),
            actor: self.actor.clone(),
            repo: self.repo.clone(),
            correlation_id: self.correlation_id,
            causation_id: None,
            fact: fact.into(),
        }
    }
}
