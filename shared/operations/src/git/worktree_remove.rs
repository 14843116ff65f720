//! `worktree-remove`: removes a second working copy.

use gitledger_events::operation::{Effect, RefChange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::{Script, scratch};
use super::{left_behind, workspace, worktree};
use crate::failure::codes;
use crate::plan::Ended;
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, snapshot,
};

/// Removes a working copy that `worktree-add` made. Its branch and its commits stay. With files that are
/// changed or that git does not know it is refused unless forced; then a snapshot of them is kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorktreeRemove {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The copy's name.
    pub name: String,
    /// Even if not everything in it is committed.
    #[serde(default)]
    pub force: bool,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorktreeRemoveOutput {
    /// The copy's name.
    pub name: String,
    /// With `force`, the tree that keeps its files as they were, ignored ones not.
    pub kept: Option<String>,
}

impl Operation for WorktreeRemove {
    const NAME: &'static str = "worktree-remove";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "name": "side"}"#;
    const DESTRUCTIVE: bool = true;
    type Output = WorktreeRemoveOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        worktree::check_name(&self.name)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let script = self.script(context);
        let Some(exits) = rounds.first() else {
            let mut plan = script.writing(context, Self::BUDGET, rounds);
            plan.scratch = Some(scratch(context));
            return Decision::run(plan);
        };
        if script.stopped_at(exits) == Some("there") && exits.ended == Ended::Normally {
            let message = format!("There is no working copy {:?}.", self.name);
            return Failure::new(codes::WORKTREE_NOT_FOUND, message).into();
        }
        if let Some(failure) = left_behind::failure(&script, exits, "remove") {
            return failure.into();
        }
        let kept = script.line(exits, "tree");
        let reference =
            |tree: &String| RefChange { name: kept_reference(context), old: None, new: Some(tree.clone()) };
        Done {
            refs_changed: kept.iter().map(reference).collect(),
            ..Done::with(WorktreeRemoveOutput { name: self.name.clone(), kept })
        }
        .into()
    }
}

impl WorktreeRemove {
    fn script(&self, context: &Context<'_>) -> Script {
        // The number of the step that prints the tree.
        const TREE: usize = 3;
        let name = &self.name;
        let script = Script::default()
            .step("prune", worktree::prune_step())
            .step("there", worktree::inside(name, ["rev-parse", "--git-dir"]));
        let remove = Step::git(["worktree", "remove"]).with(self.force.then_some("--force"));
        let remove = remove.with([worktree::path(name)]);
        if !self.force {
            return script.step("remove", remove);
        }
        // As a snapshot of the workspace, but with an index from nothing: it is needed once.
        let index = format!("GIT_INDEX_FILE={}", context.scratch("worktree-index"));
        let aside = |arguments: &[&str]| {
            let argv = ["env", &index, "git"].into_iter().chain(arguments.iter().copied());
            Step::new(format!("{}/{name}", worktree::FOLDER), argv)
        };
        script
            .step("add", aside(&["add", "--all", "--ignore-errors", "--no-warn-embedded-repo"]).may_fail())
            .step("tree", aside(&["write-tree"]))
            .step("keep", Step::git(["update-ref".to_owned(), kept_reference(context)]).given(TREE))
            .step("remove", remove)
    }
}

/// Where the files of the copy are kept. Not where a snapshot of the workspace would be: an undo must not
/// put them there.
fn kept_reference(context: &Context<'_>) -> String {
    format!("{}{}/worktree", snapshot::PREFIX, context.operation_id)
}
