//! Puts right what [`reconcile`](crate::reconcile::reconcile) found.

use std::collections::BTreeMap;

use gitledger_events::sandbox::{KillReason, SandboxCreated, SandboxKilled};
use gitledger_events::{Elapsed, Fact, Stream};
use gitledger_ledger::{AppendError, Commit, Expected};
use jiff::SignedDuration;

use super::open::OWNER_KEY;
use super::{LeaseError, Look, REQUEST_KEY, Sandboxes};
use crate::control::Listed;
use crate::lease_state::Life;
use crate::reconcile::Action;
use crate::{Origin, SandboxError};

impl Sandboxes {
    /// Every sandbox of ours that E2B has, running or paused.
    pub async fn list_live(&self) -> Result<Vec<Listed>, SandboxError> {
        let ours = BTreeMap::from([(OWNER_KEY.to_owned(), self.owner.to_string())]);
        let mut listed = self.control.list(&ours).await?;
        // What is listed may be killed, so that a host which filters otherwise is not taken at its word.
        let owner = |one: &Listed| one.metadata.as_ref()?.get(OWNER_KEY).cloned();
        listed.retain(|one| owner(one).as_deref() == Some(&*self.owner));
        Ok(listed)
    }

    /// Does what an action says, and says what came of it. All of them may be done twice.
    pub async fn settle(&self, action: &Action, origin: &Origin) -> Result<Look, LeaseError> {
        match action {
            // Whoever the ledger does not know any more by now is left to the next comparison.
            Action::Missing { sandbox_id } => self.look(sandbox_id, SignedDuration::MAX, origin).await,
            Action::Leaked(listed) => {
                let ended = self.end_leaked(listed, origin).await?;
                Ok(if ended { Look::Leaked } else { Look::Unchanged })
            }
        }
    }

    pub(super) async fn end(
        &self,
        sandbox_id: &str,
        fact: Fact,
        origin: &Origin,
    ) -> Result<bool, LeaseError> {
        self.envd.forget(sandbox_id);
        self.decide(sandbox_id, origin, |state| match state.life {
            Life::Unknown | Life::Gone => Ok((false, vec![])),
            Life::Running | Life::Paused => Ok((true, vec![fact.clone()])),
        })
        .await
    }

    /// What the ledger never knew is recorded with its end, because it did cost.
    pub(super) async fn end_leaked(&self, listed: &Listed, origin: &Origin) -> Result<bool, LeaseError> {
        let state = self.state(&listed.sandbox_id).await?;
        if matches!(state.life, Life::Running | Life::Paused) {
            return Ok(false); // its record arrived after the comparison
        }
        if state.life == Life::Unknown && !self.record_leaked(listed, origin).await? {
            return Ok(false); // it arrived just now
        }
        self.envd.forget(&listed.sandbox_id);
        Ok(self.control.kill(&listed.sandbox_id).await?)
    }

    async fn record_leaked(&self, listed: &Listed, origin: &Origin) -> Result<bool, LeaseError> {
        let request = listed.metadata.as_ref().and_then(|all| all.get(REQUEST_KEY));
        let created = SandboxCreated {
            request_id: request.and_then(|text| text.parse().ok()).unwrap_or_default(),
            template: listed.template.clone(),
            vcpu: listed.cpu_count,
            memory_mb: listed.memory_mb,
            creation_ms: Elapsed::ZERO,
            expires_at: listed.end_at,
        };
        let mut created = origin.event(&*self.world, created);
        created.recorded_at = listed.started_at;
        let killed = origin.event(&*self.world, SandboxKilled { reason: KillReason::Leaked });
        let stream = Stream::sandbox(&listed.sandbox_id).map_err(|_| LeaseError::NotFound)?;
        let events = vec![created, killed];
        let commit = Commit { id: self.world.id(), stream, expected: Expected::Empty, events };
        match self.ledger.append(commit).await {
            Ok(_) => Ok(true),
            Err(AppendError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
