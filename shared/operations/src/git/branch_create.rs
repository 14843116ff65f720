//! `branch-create`: makes a branch.

use gitledger_events::operation::{Effect, RefChange, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::switch::switch_step;
use super::workspace;
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, Step, check};

/// Makes a branch, and goes to it if asked. An existing branch is never moved.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchCreate {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The new branch's name.
    pub name: String,
    /// Where it starts: HEAD, a branch (`origin/main` for the remote's), a tag or an object id.
    #[serde(default = "head")]
    pub start_point: String,
    /// Go to it.
    #[serde(default)]
    pub switch: bool,
}

/// The new branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BranchCreateOutput {
    /// Its name.
    pub name: String,
    /// Its commit; `None` before the first.
    pub oid: Option<String>,
    /// True when HEAD is on it.
    pub current: bool,
}

fn head() -> String {
    "HEAD".to_owned()
}

impl Operation for BranchCreate {
    const NAME: &'static str = "branch-create";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const UNDO: crate::Undo = crate::Undo::References;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "name": "side"}"#;
    type Output = BranchCreateOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::branch("name", &self.name)?;
        check::reference::revision("start_point", &self.start_point)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let script = self.script();
        let Some(exits) = rounds.first() else {
            return Decision::run(script.writing(context, Self::BUDGET, rounds));
        };
        if let Some(failure) = script.failure(exits, SideEffect::None) {
            return failure.into();
        }
        let oid = script.line(exits, "oid");
        let name = format!("refs/heads/{}", self.name);
        Done {
            refs_changed: vec![RefChange { name, old: None, new: oid.clone() }],
            head_before: workspace::head(&script, exits, "before").oid.filter(|_| self.switch),
            head_after: oid.clone().filter(|_| self.switch),
            ..Done::with(BranchCreateOutput { name: self.name.clone(), oid, current: self.switch })
        }
        .into()
    }
}

impl BranchCreate {
    fn script(&self) -> Script {
        let make = if self.switch {
            // Before the first commit there is no start point to name.
            let start = Some(self.start_point.as_str()).filter(|start| *start != "HEAD");
            switch_step(&self.name, true, start)
        } else {
            Step::git(["branch", "--quiet", "--no-recurse-submodules", "--end-of-options"])
                .with([self.name.as_str(), &self.start_point])
        };
        let oid = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
        let oid = Step::git(oid).with([format!("refs/heads/{}", self.name)]);
        Script::default()
            .step("before", workspace::head_step())
            .step("make", make)
            .step("oid", oid.may_fail())
    }
}
