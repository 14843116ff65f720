//! `cherry-pick`: makes commits of elsewhere again on the current branch.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::attempt::OnConflict;
use super::pick::{Pick, PickOutput};
use super::workspace;
use crate::{Budget, Context, Decision, Exits, Operation, Place, Rejection, Remotes, Undo};

/// Makes commits of elsewhere again on the current branch, with their messages and authors: all of them or
/// none. A commit that changes nothing here stops it and is told.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CherryPick {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The commits in the order in which they are made, each a branch, a tag or an object id; at most 50.
    pub revisions: Vec<String>,
    /// Of merge commits, which parent (from 1) they are compared with; they need it.
    #[serde(default)]
    pub mainline: Option<u32>,
    /// Only stage the changes. What is staged must be committed before.
    #[serde(default)]
    pub no_commit: bool,
    /// What becomes of the workspace when there is a conflict, or a commit that changes nothing. With
    /// `no_commit` it cannot stay open.
    #[serde(default)]
    pub on_conflict: OnConflict,
}

impl Operation for CherryPick {
    const NAME: &'static str = "cherry-pick";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "revisions": ["side"]}"#;
    const UNDO: Undo = Undo::Checkout;
    type Output = PickOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        self.pick().check()
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let pick = self.pick();
        pick.attempt().decide(context, Self::BUDGET, rounds, |script, exits, changed| {
            pick.output(script, exits, changed)
        })
    }
}

impl CherryPick {
    fn pick(&self) -> Pick<'_> {
        Pick {
            command: Self::NAME,
            revisions: &self.revisions,
            mainline: self.mainline,
            no_commit: self.no_commit,
            on_conflict: self.on_conflict,
        }
    }
}
