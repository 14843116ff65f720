//! A plan's credential: in a file in the sandbox, or, where its host has a gate, never in the sandbox at all.

use std::time::Duration;

use gitledger_operations::plan::{Exits, Plan};

use super::Sandboxes;
use crate::control::Grant;
use crate::runner::Fence;
use crate::{ControlPlane, SandboxError, Secret, Trace};

/// A grant that nobody shuts, because its function died, lapses so long after its plan's own limit.
const LAPSES_AFTER: Duration = Duration::from_secs(30);

/// A way that is open, and is shut when this is dropped: the caller may go away at any moment.
struct Opened {
    control: ControlPlane,
    sandbox_id: String,
    name: String,
    shut: bool,
}

impl Sandboxes {
    /// Runs a plan. Where its remote is behind a gate, the way through is open for as long as it runs.
    pub(super) async fn run_gated(
        &self,
        sandbox_id: &str,
        tag: &str,
        plan: &Plan,
        token: Option<&Secret>,
        fence: Option<Fence<'_>>,
    ) -> Result<Exits, SandboxError> {
        let Some(remote) = plan.remote.as_ref().filter(|remote| remote.is_gated()) else {
            return self.envd.run(sandbox_id, tag, plan, token, fence).await;
        };
        let lapses_after = plan.timeout + LAPSES_AFTER;
        let grant = Grant { remote, token, publishes: plan.publishes, lapses_after };
        // Before it is asked for: when the answer is lost, it is open.
        let opened = Opened {
            control: self.control.clone(),
            sandbox_id: sandbox_id.to_owned(),
            name: tag.to_owned(),
            shut: false,
        };
        self.control.open_grant(sandbox_id, tag, &grant).await?;
        let exits = self.envd.run(sandbox_id, tag, plan, None, fence).await;
        opened.shut().await;
        exits
    }
}

impl Opened {
    /// Shuts it before anything is answered.
    async fn shut(mut self) {
        self.shut = true;
        shut(&self.control, &self.sandbox_id, &self.name).await;
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let (false, Ok(runtime)) = (self.shut, tokio::runtime::Handle::try_current()) else { return };
        let (control, sandbox_id) = (self.control.clone(), std::mem::take(&mut self.sandbox_id));
        let name = std::mem::take(&mut self.name);
        let work = async move { shut(&control, &sandbox_id, &name).await };
        runtime.spawn(Trace::around(Trace::current(), work));
    }
}

/// A failure is logged and no more: what is not shut lapses.
async fn shut(control: &ControlPlane, sandbox_id: &str, name: &str) {
    if let Err(error) = control.close_grant(sandbox_id, name).await {
        tracing::warn!(sandbox_id, name, %error, "a way through the gate was not shut; it lapses");
    }
}
