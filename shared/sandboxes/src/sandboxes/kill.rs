//! The end of a sandbox.

use gitledger_events::sandbox::{KillReason, SandboxKilled};

use super::{LeaseError, Sandboxes};
use crate::Origin;
use crate::lease_state::Life;

impl Sandboxes {
    /// Ends a sandbox. False when it had ended before.
    ///
    /// Recorded first: from then on nobody gets a lease on it, and if the call that follows fails, the
    /// reaper finds a sandbox that lives without being known. For being idle it is killed only while
    /// nobody has it ([`LeaseError::Busy`]).
    pub async fn kill(
        &self,
        sandbox_id: &str,
        reason: KillReason,
        origin: &Origin,
    ) -> Result<bool, LeaseError> {
        let alive = self
            .decide(sandbox_id, origin, |state| match state.life {
                Life::Unknown => Err(LeaseError::NotFound),
                Life::Gone => Ok((false, vec![])),
                Life::Running | Life::Paused => match state.held_at(self.world.now()) {
                    Some(held) if reason == KillReason::Idle => {
                        Err(LeaseError::Busy { until: held.until, by: held.operation_id })
                    }
                    _ => Ok((true, vec![SandboxKilled { reason }.into()])),
                },
            })
            .await?;
        if alive {
            self.control.kill(sandbox_id).await?;
            self.envd.forget(sandbox_id);
        }
        Ok(alive)
    }
}
