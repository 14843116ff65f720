//! `switch`: goes to another branch.

use gitledger_events::operation::{Effect, RefChange, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::workspace;
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, Step, check};

/// Switches to another branch, which may be made first. Changes that would be lost make it fail. A branch
/// that only the remote has is made here under the same name.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The branch to go to.
    pub branch: String,
    /// Make the branch first.
    #[serde(default)]
    pub create: bool,
    /// Where the new branch starts: HEAD, a branch (`origin/main` for the remote's), a tag or an object
    /// id. Only with `create`.
    #[serde(default)]
    pub start_point: Option<String>,
}

/// Where HEAD is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SwitchOutput {
    /// The branch.
    pub branch: String,
    /// Its commit; `None` before the first.
    pub head: Option<String>,
    /// The branch before; `None` when HEAD was detached.
    pub previous_branch: Option<String>,
    /// True when the branch was made.
    pub created: bool,
}

impl Operation for Switch {
    const NAME: &'static str = "switch";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "branch": "side", "create": true}"#;
    type Output = SwitchOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::branch("branch", &self.branch)?;
        match &self.start_point {
            Some(_) if !self.create => Err(Rejection::argument("start_point", "needs 'create'")),
            Some(start) => check::reference::revision("start_point", start),
            None => Ok(()),
        }
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let script = Script::default()
            .step("before", workspace::head_step())
            .step("switch", switch_step(&self.branch, self.create, self.start_point.as_deref()))
            .step("after", workspace::head_step());
        let Some(exits) = rounds.first() else {
            return Decision::run(script.writing(context, Self::BUDGET, rounds));
        };
        if let Some(failure) = script.failure(exits, SideEffect::None) {
            return failure.into();
        }
        let before = workspace::head(&script, exits, "before");
        let after = workspace::head(&script, exits, "after");
        let made =
            RefChange { name: format!("refs/heads/{}", self.branch), old: None, new: after.oid.clone() };
        Done {
            head_before: before.oid,
            head_after: after.oid.clone(),
            refs_changed: if self.create { vec![made] } else { Vec::new() },
            ..Done::with(SwitchOutput {
                branch: self.branch.clone(),
                head: after.oid,
                previous_branch: before.branch,
                created: self.create,
            })
        }
        .into()
    }
}

/// Goes to a branch. The name was checked: it is no option.
pub(super) fn switch_step(branch: &str, create: bool, start: Option<&str>) -> Step {
    let mut argv = vec!["switch", "--quiet", "--no-progress", "--no-recurse-submodules"];
    argv.extend(if create { ["--create", branch] } else { ["--guess", branch] });
    argv.extend(start);
    Step::git(argv)
}
