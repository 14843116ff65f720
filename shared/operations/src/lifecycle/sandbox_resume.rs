//! `sandbox-resume`: a sandbox wakes.

use gitledger_events::operation::Effect;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Order;
use crate::git::workspace;
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes};

/// Wakes a sandbox that sleeps. Operations do so themselves; this only saves them the wait.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxResume {
    /// The sandbox.
    pub sandbox_id: String,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxResumeOutput {
    /// The sandbox.
    pub sandbox_id: String,
    /// False when it ran already.
    pub resumed: bool,
    /// When it ends, unless it is used or kept alive.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
}

impl Operation for SandboxResume {
    const NAME: &'static str = "sandbox-resume";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::HOST;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i0123456789abcdefghij"}"#;
    const IN_WORKSPACE: bool = false;
    type Output = SandboxResumeOutput;

    fn place(&self) -> Place<'_> {
        Place::Host(Order::Resume { sandbox_id: &self.sandbox_id })
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)
    }

    fn decide(&self, context: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        match super::sandbox(context) {
            Ok((sandbox, changed)) => {
                let sandbox_id = sandbox.sandbox_id.clone();
                let expires_at = sandbox.expires_at.unwrap_or_default();
                Done::with(SandboxResumeOutput { sandbox_id, resumed: changed, expires_at }).into()
            }
            Err(failure) => failure.into(),
        }
    }
}
