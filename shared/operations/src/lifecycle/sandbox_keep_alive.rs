//! `sandbox-keep-alive`: a sandbox lives longer.

use gitledger_events::operation::Effect;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Order;
use crate::git::workspace;
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes};

/// Makes a sandbox live at least so long from now, and counts as using it. Never makes its life shorter; one that
/// sleeps goes on sleeping, and is kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxKeepAlive {
    /// The sandbox.
    pub sandbox_id: String,
    /// How long from now, in seconds, 1 to 86400; the policy's life if not given.
    #[serde(default)]
    pub timeout_s: Option<u64>,
}

/// How long it lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxKeepAliveOutput {
    /// The sandbox.
    pub sandbox_id: String,
    /// When it ends, unless it is used or kept alive again.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
}

impl Operation for SandboxKeepAlive {
    const NAME: &'static str = "sandbox-keep-alive";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::HOST;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i0123456789abcdefghij", "timeout_s": 1800}"#;
    const IN_WORKSPACE: bool = false;
    type Output = SandboxKeepAliveOutput;

    fn place(&self) -> Place<'_> {
        Place::Host(Order::KeepAlive { sandbox_id: &self.sandbox_id, timeout_s: self.timeout_s })
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        match self.timeout_s {
            Some(timeout_s) if !(1..=86_400).contains(&timeout_s) => {
                Err(Rejection::argument("timeout_s", "must be 1 to 86400"))
            }
            _ => Ok(()),
        }
    }

    fn decide(&self, context: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        match super::sandbox(context) {
            Ok((sandbox, _)) => {
                let expires_at = sandbox.expires_at.unwrap_or_default();
                let sandbox_id = sandbox.sandbox_id.clone();
                Done::with(SandboxKeepAliveOutput { sandbox_id, expires_at }).into()
            }
            Err(failure) => failure.into(),
        }
    }
}
