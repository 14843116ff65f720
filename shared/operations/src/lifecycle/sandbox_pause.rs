//! `sandbox-pause`: a sandbox sleeps.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Order;
use crate::git::workspace;
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes};

/// Puts a sandbox to sleep: it keeps its files and its memory, costs nothing, and the next operation in it wakes
/// it. Waits until no operation has it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxPause {
    /// The sandbox.
    pub sandbox_id: String,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxPauseOutput {
    /// The sandbox.
    pub sandbox_id: String,
    /// False when it slept already.
    pub paused: bool,
}

impl Operation for SandboxPause {
    const NAME: &'static str = "sandbox-pause";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::HOST;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i0123456789abcdefghij"}"#;
    const IN_WORKSPACE: bool = false;
    type Output = SandboxPauseOutput;

    fn place(&self) -> Place<'_> {
        Place::Host(Order::Pause { sandbox_id: &self.sandbox_id })
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)
    }

    fn decide(&self, context: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        match super::sandbox(context) {
            Ok((sandbox, changed)) => {
                let sandbox_id = sandbox.sandbox_id.clone();
                Done::with(SandboxPauseOutput { sandbox_id, paused: changed }).into()
            }
            Err(failure) => failure.into(),
        }
    }
}
