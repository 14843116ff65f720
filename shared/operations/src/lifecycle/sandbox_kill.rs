//! `sandbox-kill`: a sandbox ends.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Order;
use crate::git::workspace;
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes};

/// Ends a sandbox at once, whatever runs in it. What was not pushed is lost. Its events stay.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxKill {
    /// The sandbox.
    pub sandbox_id: String,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxKillOutput {
    /// The sandbox.
    pub sandbox_id: String,
    /// False when it had ended before.
    pub killed: bool,
}

impl Operation for SandboxKill {
    const NAME: &'static str = "sandbox-kill";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::HOST;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i0123456789abcdefghij"}"#;
    const IN_WORKSPACE: bool = false;
    const DESTRUCTIVE: bool = true;
    type Output = SandboxKillOutput;

    fn place(&self) -> Place<'_> {
        Place::Host(Order::Kill { sandbox_id: &self.sandbox_id })
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)
    }

    fn decide(&self, context: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        match super::sandbox(context) {
            Ok((sandbox, changed)) => {
                let sandbox_id = sandbox.sandbox_id.clone();
                Done::with(SandboxKillOutput { sandbox_id, killed: changed }).into()
            }
            Err(failure) => failure.into(),
        }
    }
}
