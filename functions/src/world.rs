//! What a function needs of the world: the two doors, the clock, and what the operator has set.

use std::sync::Arc;

use gitledger_ledger::{Ledger, LedgerError};
use gitledger_operations::{PushPolicy, Remotes};
use gitledger_projections::SandboxPolicy;
use gitledger_projections::cost::Prices;
use gitledger_sandboxes::{Sandboxes, World as ClockAndIds};
use tokio::try_join;

use crate::Answer;
use crate::access::Access;
use crate::projector::Projector;
use crate::running::Operations;
use crate::settings::{SettingsError, Tokens, Webhook};
use crate::spending::Spending;

/// Shared by everything in a process. A function that holds secrets makes it again when it is old.
pub struct World {
    /// Door 1.
    pub ledger: Arc<dyn Ledger>,
    /// Door 2.
    pub sandboxes: Arc<Sandboxes>,
    /// Clock and ids.
    pub clock: Arc<dyn ClockAndIds>,
    /// What the ledger adds up to, for this process.
    pub projector: Arc<Projector>,
    /// What things cost.
    pub prices: Prices,
    /// What is spent of the budgets.
    pub spending: Arc<Spending>,
    /// Which remotes are admitted.
    pub remotes: Remotes,
    /// What may be pushed to them.
    pub policy: PushPolicy,
    /// Whose requests are let in.
    pub access: Access,
    /// Tokens for them.
    pub tokens: Tokens,
    /// What this process works on.
    pub running: Operations,
    /// Who works here; see `OperationRequested`.
    pub holder: Option<String>,
    /// True when the sandboxes live in this very process's host.
    pub local_host: bool,
    /// The template of new sandboxes.
    pub template: String,
    /// How sandboxes are chosen and kept.
    pub sandbox_policy: SandboxPolicy,
    /// How a webhook of E2B's is known; `None`: none is taken.
    pub webhook: Option<Webhook>,
    /// Where metrics are published.
    pub pushgateway: Option<crate::exporter::Destination>,
    /// Where they are published by remote write.
    pub remote_write: Option<crate::exporter::Destination>,
}

/// Why there is no world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The saved projections could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A policy is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl World {
    /// Joins the parts; loads the saved projections and the policies.
    pub async fn new(
        ledger: Arc<dyn Ledger>,
        sandboxes: Arc<Sandboxes>,
        clock: Arc<dyn ClockAndIds>,
        settings: crate::Settings,
        holder: Option<String>,
    ) -> Result<Self, WorldError> {
        // Both saved states are asked for at once; policies and prices are read meanwhile.
        let projecting = async { Projector::load(ledger.clone()).await.map_err(WorldError::from) };
        let spending = async {
            let (policies, prices) = (settings.policies()?, settings.prices()?);
            let spending = Spending::load(ledger.clone(), policies.budget, prices.clone()).await?;
            Ok((policies.push, policies.sandboxes, prices, spending))
        };
        let (projector, (push, sandbox_policy, prices, spending)) = try_join!(projecting, spending)?;
        let access = Access::new(settings.keys_file(), settings.keys_required);
        let gated = settings.endpoint.as_ref().is_some_and(|endpoint| endpoint.gated);
        let template = settings.endpoint.and_then(|endpoint| endpoint.template);
        Ok(Self {
            ledger,
            sandboxes,
            clock,
            projector: Arc::new(projector),
            prices,
            spending: Arc::new(spending),
            remotes: settings.remotes.through_gate(gated),
            policy: PushPolicy { push },
            access,
            tokens: settings.tokens,
            running: Operations::default(),
            holder,
            local_host: false,
            template: template.unwrap_or_else(|| "base".to_owned()),
            sandbox_policy,
            webhook: settings.webhook,
            pushgateway: settings.pushgateway,
            remote_write: settings.remote_write,
        })
    }

    /// An answer with what its own work costs at today's prices.
    pub fn price(&self, answer: Answer) -> Answer {
        let today = gitledger_projections::cost::prices::day_of(self.clock.now().as_microsecond());
        answer.priced(&self.prices, today)
    }
}
