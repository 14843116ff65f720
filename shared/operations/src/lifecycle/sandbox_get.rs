//! `sandbox-get`: one sandbox as the ledger has it.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SandboxRecord;
use crate::git::workspace;
use crate::record::Wants;
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes};

/// Shows one sandbox, alive or gone: whose it is, what is in it, how long it ran and when it ends.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxGet {
    /// The sandbox.
    pub sandbox_id: String,
}

/// The sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxGetOutput {
    #[allow(missing_docs)] // flattened: its fields have theirs
    #[serde(flatten)]
    pub sandbox: SandboxRecord,
}

impl Operation for SandboxGet {
    const NAME: &'static str = "sandbox-get";
    const EFFECT: Effect = Effect::Reads;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i0123456789abcdefghij"}"#;
    const IN_WORKSPACE: bool = false;
    type Output = SandboxGetOutput;

    fn place(&self) -> Place<'_> {
        Place::Ledger
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)
    }

    fn wants(&self) -> Wants {
        Wants::Sandbox(self.sandbox_id.clone())
    }

    fn decide(&self, context: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        match super::sandbox(context) {
            Ok((sandbox, _)) => Done::with(SandboxGetOutput { sandbox: sandbox.clone() }).into(),
            Err(failure) => failure.into(),
        }
    }
}
