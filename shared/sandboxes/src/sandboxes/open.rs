//! A new sandbox, which its maker has leased from the start.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gitledger_events::Elapsed;
use gitledger_events::sandbox::{Reuse, SandboxCreated, SandboxLeased};
use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Lease, LeaseError, Sandboxes};
use crate::control::{Created, NewSandbox};
use crate::lease_state::LeaseState;
use crate::{Origin, SandboxError};

/// The metadata by which our sandboxes are found among others.
pub(crate) const OWNER_KEY: &str = "gitledger";
/// Whose they are when the deployment has no name of its own.
pub(crate) const OWNER_DEFAULT: &str = "1";
/// The metadata that says which request a sandbox answers.
pub const REQUEST_KEY: &str = "gitledger_request";

/// A sandbox that is wanted. The caller has recorded `SandboxRequested` with the same ids.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    /// Of `SandboxRequested`.
    pub request_id: Uuid,
    /// Whose lease it will be.
    pub operation_id: Uuid,
    /// What it is made from; `None` for the endpoint's own choice.
    pub template: Option<String>,
    /// How long it may live unless it is extended.
    pub life: Duration,
    /// When the lease lapses.
    pub until: Timestamp,
}

/// Processors and memory by template: E2B says them only when asked again, and they are the template's.
#[derive(Debug, Default)]
pub(super) struct Sizes(Mutex<HashMap<String, (u32, u32)>>);

impl Sandboxes {
    /// Makes a sandbox and records it, leased, in one commit. A sandbox that cannot be recorded is killed.
    pub async fn open(&self, request: &OpenRequest, origin: &Origin) -> Result<Lease, LeaseError> {
        let began = Instant::now();
        let template = request.template.as_deref().unwrap_or(self.control.endpoint().template()).to_owned();
        let created = self.create(request, &template, origin).await?;
        let sandbox_id = created.sandbox_id.clone();
        let creation_ms = Elapsed::from(began.elapsed());
        self.envd.remember(&created);
        let recorded = self.record_new(request, &template, &sandbox_id, creation_ms, origin).await;
        if recorded.is_err() {
            self.envd.forget(&sandbox_id);
            if let Err(error) = self.control.kill(&sandbox_id).await {
                tracing::warn!(sandbox_id, %error, "unrecorded sandbox was not killed; the reaper will find it");
            }
        }
        recorded
    }

    async fn record_new(
        &self,
        request: &OpenRequest,
        template: &str,
        sandbox_id: &str,
        creation_ms: Elapsed,
        origin: &Origin,
    ) -> Result<Lease, LeaseError> {
        let (vcpu, memory_mb) = self.size(template, sandbox_id).await?;
        let (operation_id, until) = (request.operation_id, request.until);
        let created = SandboxCreated {
            request_id: request.request_id,
            template: template.to_owned(),
            vcpu,
            memory_mb,
            creation_ms,
            expires_at: later(self.world.now(), request.life),
        };
        let leased = SandboxLeased { operation_id, epoch: 1, until, reuse: Reuse::New };
        let facts = vec![created.into(), leased.into()];
        let taken = Instant::now();
        self.append(sandbox_id, origin, LeaseState::default(), facts).await?;
        let state = self.state(sandbox_id).await?;
        let (sandbox_id, origin) = (sandbox_id.to_owned(), origin.clone());
        Ok(Lease { sandbox_id, operation_id, epoch: 1, until, state, origin, taken })
    }

    /// Asks E2B. When the answer is lost the sandbox may be there: then it is found by its request.
    pub(super) async fn create(
        &self,
        request: &OpenRequest,
        template: &str,
        origin: &Origin,
    ) -> Result<Created, SandboxError> {
        let key = request.request_id.to_string();
        let new = NewSandbox {
            template: Some(template.to_owned()),
            life: request.life,
            metadata: metadata(request, origin, &self.owner),
            idempotency_key: Some(key.clone()),
        };
        let lost = match self.control.create(&new).await {
            Err(SandboxError::Unavailable(text)) => SandboxError::Unavailable(text),
            other => return other,
        };
        let wanted = BTreeMap::from([(REQUEST_KEY.to_owned(), key)]);
        let Some(listed) = self.control.list(&wanted).await.ok().and_then(|mut all| all.pop()) else {
            return Err(lost);
        };
        match self.control.get(&listed.sandbox_id).await? {
            Some(detail) => Ok(Created {
                sandbox_id: listed.sandbox_id,
                template: listed.template,
                access_token: detail.access_token,
                domain: detail.domain,
            }),
            None => Err(lost),
        }
    }

    pub(super) async fn size(&self, template: &str, sandbox_id: &str) -> Result<(u32, u32), SandboxError> {
        let known = self.sizes.0.lock().unwrap_or_else(PoisonError::into_inner).get(template).copied();
        if let Some(size) = known {
            return Ok(size);
        }
        let detail = self.control.get(sandbox_id).await?.ok_or(SandboxError::NotFound)?;
        let size = (detail.listed.cpu_count, detail.listed.memory_mb);
        self.sizes.0.lock().unwrap_or_else(PoisonError::into_inner).insert(template.to_owned(), size);
        Ok(size)
    }
}

/// What the reaper needs to know whose it is, and people to see it in E2B's own list.
fn metadata(request: &OpenRequest, origin: &Origin, owner: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::from([
        (OWNER_KEY.to_owned(), owner.to_owned()),
        (REQUEST_KEY.to_owned(), request.request_id.to_string()),
        ("operation".to_owned(), request.operation_id.to_string()),
    ]);
    let optional = [
        ("agent", origin.actor.agent_id.as_deref()),
        ("task", origin.actor.task_id.as_deref()),
        ("key", origin.actor.key_id.as_deref()),
        ("repo", origin.repo.as_ref().map(gitledger_events::Repo::as_str)),
    ];
    all.extend(optional.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))));
    all
}

/// `now` and a while.
pub(super) fn later(now: Timestamp, life: Duration) -> Timestamp {
    now.saturating_add(life).unwrap_or(Timestamp::MAX)
}
