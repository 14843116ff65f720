//! `unstage`: takes changes out of the next commit.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::{self, Told};
use super::script::Script;
use super::{commit, conflict, left_behind, workspace};
use crate::{
    Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, Step, Undo, check,
};

/// Takes changes out of the next commit: these files, or everything that is staged. The files themselves
/// stay as they are. Files with conflicts are refused, because their conflict would be forgotten.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unstage {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// Paths of files or folders, relative to the workspace, taken literally.
    #[serde(default)]
    pub files: Vec<String>,
    /// Everything that is staged.
    #[serde(default)]
    pub all: bool,
}

/// What is not staged any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnstageOutput {
    /// What was staged of the files that were named.
    #[serde(flatten)]
    pub unstaged: Told,
    /// False when nothing of it was staged.
    pub changed: bool,
    /// True when this only says what would be.
    pub dry_run: bool,
}

impl Operation for Unstage {
    const NAME: &'static str = "unstage";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "files": ["notes.txt"]}"#;
    const DRY_RUN: bool = true;
    const UNDO: Undo = Undo::Snapshot;
    type Output = UnstageOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        if self.all != self.files.is_empty() {
            return Err(Rejection::argument("files", "must name files, or 'all' must be true"));
        }
        check::path::paths("files", &self.files)
    }

    /// What is staged and not in the file any more is nowhere else.
    fn endangers_files(&self) -> bool {
        true
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let dry_run = context.envelope.dry_run;
        let script = self.script(dry_run);
        let Some(exits) = rounds.first() else {
            return Decision::run(script.writing(context, Self::BUDGET, rounds));
        };
        if script.stopped_at(exits) == Some("unmerged") {
            return commit::unmerged(script.exit(exits, "unmerged")).into();
        }
        if let Some(failure) = left_behind::failure(&script, exits, "unstage") {
            return failure.into();
        }
        let unstaged = listing::tell(script.exit(exits, "listed"));
        Done::with(UnstageOutput { changed: unstaged.total > 0 && !dry_run, unstaged, dry_run }).into()
    }

    fn recorded_output(output: &Self::Output) -> Option<serde_json::Value> {
        Some(serde_json::json!({ "unstaged": output.unstaged.total, "changed": output.changed }))
    }
}

impl Unstage {
    fn script(&self, dry_run: bool) -> Script {
        // A path, and not none at all: without one, git would also forget that a merge is going on.
        let everything = [".".to_owned()];
        let files = if self.all { &everything[..] } else { &self.files };
        let unstage = listing::with_paths(Step::git(["reset", "--quiet"]), files);
        Script::default()
            .step("unmerged", listing::and_paths(conflict::refuse_step(), files))
            .step("listed", listing::and_paths(listing::differing(true), files))
            .maybe("unstage", (!dry_run).then_some(unstage))
    }
}
