//! Pausing, waking and prolonging a sandbox, by the operation that has its lease.

use std::time::Duration;

use gitledger_events::Elapsed;
use gitledger_events::sandbox::{SandboxExtended, SandboxPaused, SandboxResumed};
use tokio::time::Instant;

use super::open::later;
use super::{Lease, LeaseError, Sandboxes};
use crate::lease_state::Life;

impl Sandboxes {
    /// Puts the sandbox to sleep and ends the lease.
    pub async fn pause(&self, lease: &Lease) -> Result<(), LeaseError> {
        self.control.pause(&lease.sandbox_id).await?;
        self.release(lease, vec![SandboxPaused {}.into()]).await
    }

    /// Wakes the sandbox, for at least `life` from now.
    pub async fn resume(&self, lease: &mut Lease, life: Duration) -> Result<(), LeaseError> {
        let began = Instant::now();
        let created = self.control.connect(&lease.sandbox_id, life).await?;
        self.envd.remember(&created);
        let resume_ms = Elapsed::from(began.elapsed());
        let expires_at = later(self.world.now(), life);
        self.record(lease, vec![SandboxResumed { resume_ms, expires_at }.into()]).await?;
        lease.state.life = Life::Running;
        lease.state.expires_at = Some(expires_at);
        Ok(())
    }

    /// Makes the sandbox live for at least `life` from now, where it would not.
    pub async fn extend(&self, lease: &mut Lease, life: Duration) -> Result<(), LeaseError> {
        let expires_at = later(self.world.now(), life);
        if lease.state.expires_at.is_some_and(|end| end >= expires_at) {
            return Ok(());
        }
        self.control.set_timeout(&lease.sandbox_id, life).await?;
        self.record(lease, vec![SandboxExtended { expires_at }.into()]).await?;
        lease.state.expires_at = Some(expires_at);
        Ok(())
    }
}
