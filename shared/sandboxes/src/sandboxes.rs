//! The sandboxes together with what the ledger says of them.

mod gated;
mod kill;
mod lease;
mod look;
mod open;
mod settle;
mod sleep;
mod stock;
mod streams;

use std::sync::Arc;

use gitledger_ledger::{AppendError, Ledger, LedgerError};
use gitledger_operations::plan::{Exits, Plan};
use jiff::Timestamp;
use uuid::Uuid;

pub use lease::{Lease, LeaseRequest};
pub use look::Look;
pub use open::{OpenRequest, REQUEST_KEY};

use self::open::Sizes;
use self::streams::Streams;
use crate::runner::Fence;
use crate::{ControlPlane, Endpoint, Envd, SandboxError, Secret, World};

/// Door 2, whole: sandboxes are made, leased, used and ended here, and every step is in the ledger.
#[derive(Clone)]
pub struct Sandboxes {
    ledger: Arc<dyn Ledger>,
    control: ControlPlane,
    envd: Envd,
    world: Arc<dyn World>,
    streams: Arc<Streams>,
    sizes: Arc<Sizes>,
    owner: Arc<str>,
}

impl Sandboxes {
    /// Connects when first used.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        endpoint: Endpoint,
        world: Arc<dyn World>,
    ) -> Result<Self, SandboxError> {
        let control = ControlPlane::new(endpoint)?;
        let envd = Envd::new(control.clone());
        Ok(Self {
            ledger,
            control,
            envd,
            world,
            streams: Arc::default(),
            sizes: Arc::default(),
            owner: open::OWNER_DEFAULT.into(),
        })
    }

    /// Marks its sandboxes as this deployment's, and takes only those for its own: several deployments can
    /// share an E2B account without taking each other's sandboxes for leaked.
    #[must_use]
    pub fn of_deployment(mut self, name: &str) -> Self {
        self.owner = name.into();
        self
    }

    /// The control plane, for what needs no ledger.
    pub fn control(&self) -> &ControlPlane {
        &self.control
    }

    /// envd, for what needs no ledger.
    pub fn envd(&self) -> &Envd {
        &self.envd
    }

    /// Runs a plan; see [`Envd::run`]. That the caller holds the lease, where the plan writes, is the
    /// caller's care. `tag` is the operation's id and the round.
    pub async fn run(
        &self,
        sandbox_id: &str,
        tag: &str,
        plan: &Plan,
        token: Option<&Secret>,
    ) -> Result<Exits, SandboxError> {
        self.run_gated(sandbox_id, tag, plan, token, None).await
    }

    /// Runs a plan under a lease, which the sandbox checks too; see [`Envd::run`].
    pub async fn run_fenced(
        &self,
        sandbox_id: &str,
        tag: &str,
        plan: &Plan,
        token: Option<&Secret>,
        fence: Fence<'_>,
    ) -> Result<Exits, SandboxError> {
        self.run_gated(sandbox_id, tag, plan, token, Some(fence)).await
    }
}

/// Why a lease was not given, kept or ended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another operation has it.
    #[error("operation {by} has the workspace until {until}")]
    Busy {
        /// Until when, if it is not released earlier.
        until: Timestamp,
        /// Which operation.
        by: Uuid,
    },
    /// The sandbox is no more.
    #[error("the sandbox has ended")]
    Gone,
    /// The ledger knows no such sandbox.
    #[error("the ledger knows no such sandbox")]
    NotFound,
    /// The lease lapsed and somebody else took the workspace over. What was to be recorded was not.
    #[error("the lease was taken over")]
    TakenOver,
    /// E2B failed.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] AppendError),
}

impl From<LedgerError> for LeaseError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error.into())
    }
}
