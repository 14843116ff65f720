//! `stash-drop`: throws away what was put aside.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{left_behind, stash, workspace};
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, Step};

/// Throws away one entry of the stash, which has to be the one that is expected: numbers shift whenever
/// another one comes or goes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StashDrop {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// Which one: 0 is the latest.
    #[serde(default)]
    pub index: u32,
    /// The commit that it must be, as `stash-push` or `stash-list` told it.
    pub oid: String,
}

/// What was thrown away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StashDropOutput {
    /// The commit that kept the changes. Nothing refers to it any more.
    pub oid: String,
}

impl Operation for StashDrop {
    const NAME: &'static str = "stash-drop";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str =
        r#"{"sandbox_id": "i1", "oid": "5f3c2a7e8d1b4c6f9e0a2b3c4d5e6f7081929394"}"#;
    const DESTRUCTIVE: bool = true;
    type Output = StashDropOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        stash::check(self.index, Some(&self.oid))
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let drop = Step::git(["stash", "drop", "--quiet"]).with([stash::name(self.index)]);
        let script = stash::find(self.index, Some(&self.oid))
            .step("drop", drop)
            .step("latest-after", stash::latest_step());
        let Some(exits) = rounds.first() else {
            return Decision::run(script.writing(context, Self::BUDGET, rounds));
        };
        let failure = stash::missing(&script, exits, self.index);
        if let Some(failure) = failure.or_else(|| left_behind::failure(&script, exits, "drop")) {
            return failure.into();
        }
        let output = StashDropOutput { oid: self.oid.clone() };
        Done { refs_changed: stash::moved(&script, exits), ..Done::with(output) }.into()
    }
}
