//! `branch-rename`: gives a branch another name.

use gitledger_events::operation::{Effect, RefChange, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::{resolve, workspace};
use crate::failure::{classify, codes};
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, check,
};

/// Gives a branch another name, the current branch too. Never over an existing branch. The same with the
/// names exchanged undoes it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchRename {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The branch.
    pub name: String,
    /// Its new name.
    pub new_name: String,
}

/// The branch under its new name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BranchRenameOutput {
    /// Its name now.
    pub name: String,
    /// Its name before.
    pub previous_name: String,
    /// Its commit.
    pub oid: Option<String>,
    /// True when HEAD is on it.
    pub current: bool,
}

impl Operation for BranchRename {
    const NAME: &'static str = "branch-rename";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "name": "side", "new_name": "feature"}"#;
    type Output = BranchRenameOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::branch("name", &self.name)?;
        check::reference::branch("new_name", &self.new_name)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let (old, new) = (format!("refs/heads/{}", self.name), format!("refs/heads/{}", self.new_name));
        let rename = Step::git(["branch", "--move", "--end-of-options"]).with([&self.name, &self.new_name]);
        let script = Script::default()
            .step("oid", resolve::object_step(&old))
            .step("taken", resolve::object_step(&new).may_fail())
            .step("rename", rename)
            .step("head", workspace::head_step());
        let Some(exits) = rounds.first() else {
            return Decision::run(script.writing(context, Self::BUDGET, rounds));
        };
        match script.stopped_at(exits) {
            None => {}
            Some("oid") => return resolve::absent(exits.last(), "branch", &self.name).into(),
            Some("rename") if script.ok(exits, "taken") => {
                let message = format!("A branch named '{}' exists.", self.new_name);
                return Failure::new(codes::BRANCH_EXISTS, message).into();
            }
            Some(_) => return classify(exits, SideEffect::None).into(),
        }
        let oid = script.line(exits, "oid");
        let gone = RefChange { name: old, old: oid.clone(), new: None };
        let made = RefChange { name: new, old: None, new: oid.clone() };
        let current = workspace::head(&script, exits, "head").branch.as_ref() == Some(&self.new_name);
        Done {
            refs_changed: if self.name == self.new_name { Vec::new() } else { vec![gone, made] },
            ..Done::with(BranchRenameOutput {
                name: self.new_name.clone(),
                previous_name: self.name.clone(),
                oid,
                current,
            })
        }
        .into()
    }
}
