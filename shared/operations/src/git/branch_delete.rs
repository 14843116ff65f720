//! `branch-delete`: removes a branch of the workspace.

use gitledger_events::operation::{Effect, RefChange, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::{resolve, workspace};
use crate::failure::{classify, codes};
use crate::plan::{Ended, Input};
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, Undo, check,
};

/// Removes a branch of the workspace; the remote's stays. Refused when commits of it are neither in its
/// upstream nor, without one, in the current branch, unless `force`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchDelete {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The branch. Not the one that HEAD is on.
    pub name: String,
    /// Remove it even if commits are only there.
    #[serde(default)]
    pub force: bool,
    /// Only if it is at this commit, given as its full object id.
    #[serde(default)]
    pub expected_oid: Option<String>,
}

/// The branch that was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BranchDeleteOutput {
    /// Its name.
    pub name: String,
    /// Where it was: `branch-create` from there makes it again.
    pub oid: Option<String>,
}

impl Operation for BranchDelete {
    const NAME: &'static str = "branch-delete";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "name": "side"}"#;
    const DESTRUCTIVE: bool = true;
    const UNDO: Undo = Undo::References;
    type Output = BranchDeleteOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::branch("name", &self.name)?;
        check::reference::object_id("expected_oid", self.expected_oid.as_deref())
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let name = format!("refs/heads/{}", self.name);
        let how = if self.force { "-D" } else { "-d" };
        let script = Script::default()
            .step("oid", resolve::object_step(&name))
            .maybe("expected", self.expected_oid.as_deref().map(|oid| verify_step(&name, oid)))
            .step("head", Step::git(["symbolic-ref", "--quiet", "HEAD"]).may_fail())
            .step("delete", Step::git(["branch", how, "--quiet", "--end-of-options", &self.name]));
        let Some(exits) = rounds.first() else {
            return Decision::run(script.writing(context, Self::BUDGET, rounds));
        };
        let oid = script.line(exits, "oid");
        match script.stopped_at(exits) {
            None => {}
            Some("oid") => return resolve::absent(exits.last(), "branch", &self.name).into(),
            Some("expected") => {
                return moved(exits, &name, self.expected_oid.as_ref(), oid.as_ref()).into();
            }
            Some("delete") if script.line(exits, "head").as_ref() == Some(&name) => {
                let message = format!("HEAD is on {}: switch to another branch first.", self.name);
                return Failure::new(codes::BRANCH_IN_USE, message).into();
            }
            Some(_) => return classify(exits, SideEffect::None).into(),
        }
        Done {
            refs_changed: vec![RefChange { name, old: oid.clone(), new: None }],
            ..Done::with(BranchDeleteOutput { name: self.name.clone(), oid })
        }
        .into()
    }
}

/// Fails when the reference is not there.
pub(super) fn verify_step(name: &str, oid: &str) -> Step {
    Step::git(["update-ref", "--stdin"]).reading(Input::Text(format!("verify {name} {oid}\n")))
}

/// The failure of [`verify_step`].
pub(super) fn moved(
    exits: &Exits,
    name: &str,
    expected: Option<&String>,
    actual: Option<&String>,
) -> Failure {
    if exits.ended != Ended::Normally || expected == actual {
        return classify(exits, SideEffect::None);
    }
    let (expected, actual) = (expected.cloned().unwrap_or_default(), actual.cloned().unwrap_or_default());
    let message = format!("{name} was expected at {expected}, but it is at {actual}.");
    let output = serde_json::json!({"expected_oid": expected, "oid": actual});
    Failure { output: Some(output), ..Failure::new(codes::REF_MOVED, message) }
}
