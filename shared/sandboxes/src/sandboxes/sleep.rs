//! Pausing, waking and prolonging a sandbox, by the operation that has its lease.

use std::time::Duration;

use gitledger_events::Elapsed;
use gitledger_events::sandbox::{SandboxExtended, SandboxPaused, SandboxResumed};
use jiff::Timestamp;
use tokio::time::Instant;

use super::open::later;
use super::{Lease, LeaseError, Sandboxes};
use crate::Origin;
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

    /// Whether nothing of ours runs in it: a read takes no lease, and must not be frozen in the middle.
    pub async fn is_quiet(&self, sandbox_id: &str) -> Result<bool, LeaseError> {
        let processes = self.envd.processes(sandbox_id).await?;
        Ok(processes.iter().all(|process| process.tag.is_none()))
    }

    /// Makes a sandbox live for at least `life` from now, whoever has it; gives its end. One that sleeps goes on
    /// sleeping: E2B keeps it anyway, and the ledger says how long it is wanted. Never makes a life shorter.
    pub async fn keep_alive(
        &self,
        sandbox_id: &str,
        life: Duration,
        origin: &Origin,
    ) -> Result<Timestamp, LeaseError> {
        let state = self.state(sandbox_id).await?;
        let expires_at = later(self.world.now(), life);
        match (state.life, state.expires_at) {
            (Life::Unknown, _) => return Err(LeaseError::NotFound),
            (Life::Gone, _) => return Err(LeaseError::Gone),
            (_, Some(end)) if end >= expires_at => return Ok(end),
            (Life::Running, _) => self.control.set_timeout(sandbox_id, life).await?,
            (Life::Paused, _) => {}
        }
        self.decide(sandbox_id, origin, |state| match state.life {
            Life::Unknown | Life::Gone => Err(LeaseError::Gone),
            Life::Running | Life::Paused => Ok((expires_at, vec![SandboxExtended { expires_at }.into()])),
        })
        .await
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
