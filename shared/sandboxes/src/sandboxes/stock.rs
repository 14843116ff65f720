//! A sandbox for the pool: made for nobody, leased by nobody.

use gitledger_events::Elapsed;
use gitledger_events::sandbox::SandboxCreated;
use tokio::time::Instant;

use super::open::later;
use super::{LeaseError, OpenRequest, Sandboxes};
use crate::Origin;
use crate::lease_state::LeaseState;

impl Sandboxes {
    /// Makes a sandbox and records it without a lease and without an actor: whoever comes first has it. One that
    /// cannot be recorded is killed.
    pub async fn stock(&self, request: &OpenRequest, origin: &Origin) -> Result<String, LeaseError> {
        let began = Instant::now();
        let template = request.template.as_deref().unwrap_or(self.control.endpoint().template()).to_owned();
        // Nobody's, whoever had the pool filled.
        let nobodys = Origin {
            operation: origin.operation.clone(),
            actor: gitledger_events::Actor::default(),
            repo: None,
            correlation_id: origin.correlation_id,
        };
        let created = self.create(request, &template, &nobodys).await?;
        let creation_ms = Elapsed::from(began.elapsed());
        self.envd.remember(&created);
        let recorded = self.record_stock(request, template, &created.sandbox_id, creation_ms, &nobodys).await;
        if let Err(error) = recorded {
            self.envd.forget(&created.sandbox_id);
            if let Err(error) = self.control.kill(&created.sandbox_id).await {
                let sandbox_id = &created.sandbox_id;
                tracing::warn!(sandbox_id, %error, "unrecorded sandbox was not killed; the reaper will find it");
            }
            return Err(error);
        }
        Ok(created.sandbox_id)
    }

    async fn record_stock(
        &self,
        request: &OpenRequest,
        template: String,
        sandbox_id: &str,
        creation_ms: Elapsed,
        origin: &Origin,
    ) -> Result<(), LeaseError> {
        let (vcpu, memory_mb) = self.size(&template, sandbox_id).await?;
        let created = SandboxCreated {
            request_id: request.request_id,
            template,
            vcpu,
            memory_mb,
            creation_ms,
            expires_at: later(self.world.now(), request.life),
        };
        self.append(sandbox_id, origin, LeaseState::default(), vec![created.into()]).await?;
        Ok(())
    }
}
