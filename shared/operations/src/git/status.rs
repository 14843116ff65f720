//! `status`: what is changed, staged and untracked, and where the branch stands.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Budget, Context, Decision, Exits, Operation, Place, Rejection, Remotes};

/// Shows the working tree's state: branch, upstream, changed, staged and untracked files.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The sandbox to look into.
    pub sandbox_id: String,
}

/// The state of the working tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusOutput {
    /// The branch; empty when HEAD is detached.
    pub current_branch: String,
}

impl Operation for Status {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Reads;
    const BUDGET: Budget = Budget::LOCAL;
    type Output = StatusOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        Ok(())
    }

    fn decide(&self, _: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        crate::decision::Done::with(StatusOutput::default()).into()
    }
}
