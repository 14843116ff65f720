//! `remove`: removes files, and from the next commit too.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::{self, Told};
use super::script::{Script, scratch};
use super::{commit, conflict, left_behind, workspace};
use crate::failure::codes;
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, Undo, check,
};

/// Removes files that git knows, and stages that. Files with changes that are not committed are refused
/// unless forced; a snapshot is kept in any case. Nothing is removed unless everything can be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remove {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// Paths of files or folders, relative to the workspace, taken literally.
    pub files: Vec<String>,
    /// Folders too, with all that git knows in them.
    #[serde(default)]
    pub recursive: bool,
    /// Only stage the removal: the files stay, and git does not know them any more.
    #[serde(default)]
    pub cached: bool,
    /// Also what has changes that are not committed, or conflicts.
    #[serde(default)]
    pub force: bool,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoveOutput {
    /// The files.
    #[serde(flatten)]
    pub removed: Told,
    /// True when this only says what would be.
    pub dry_run: bool,
}

impl Operation for Remove {
    const NAME: &'static str = "remove";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "files": ["notes.txt"]}"#;
    const DESTRUCTIVE: bool = true;
    const DRY_RUN: bool = true;
    const UNDO: Undo = Undo::Snapshot;
    type Output = RemoveOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        if self.files.is_empty() {
            return Err(Rejection::argument("files", "must name files"));
        }
        check::path::paths("files", &self.files)
    }

    fn endangers_files(&self) -> bool {
        true
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let dry_run = context.envelope.dry_run;
        let script = self.script(context, dry_run);
        let Some(exits) = rounds.first() else {
            let mut plan = script.writing(context, Self::BUDGET, rounds);
            plan.scratch = Some(scratch(context));
            return Decision::run(plan);
        };
        match script.stopped_at(exits) {
            Some("unmerged") => return commit::unmerged(script.exit(exits, "unmerged")).into(),
            Some("absent") if script.exit(exits, "absent").is_some_and(|exit| exit.code == 1) => {
                let message = "A file's folder was replaced by a symbolic link.";
                return Failure::new(codes::PATH_OUTSIDE_REPO, message).into();
            }
            _ => {}
        }
        if let Some(failure) = left_behind::failure(&script, exits, "remove") {
            return failure.into();
        }
        let removed = listing::tell(script.exit(exits, "listed"));
        Done::with(RemoveOutput { removed, dry_run }).into()
    }

    fn recorded_output(output: &Self::Output) -> Option<serde_json::Value> {
        Some(serde_json::json!({ "removed": output.removed.total }))
    }
}

impl Remove {
    fn script(&self, context: &Context<'_>, dry_run: bool) -> Script {
        let files = |step| listing::and_paths(step, &self.files);
        let script = Script::default()
            .maybe("unmerged", (!self.force).then(|| files(conflict::refuse_step())))
            .step("listed", files(Step::git(["ls-files", "-z", "--deduplicate"])));
        // What git takes for gone because its folder is a symbolic link now, its `rm` would remove from
        // where the link leads to.
        let gone = Step::git(["diff-files", "-z", "--name-only", "--diff-filter=D"]);
        let script = if self.cached { script } else { listing::absent(script, context, files(gone)) };
        let flags = [
            (self.recursive, "-r"),
            (self.cached, "--cached"),
            (self.force, "--force"),
            (dry_run, "--dry-run"),
        ];
        let flags = flags.into_iter().filter_map(|(set, flag)| set.then_some(flag));
        let remove = Step::git(["rm", "--quiet"]).with(flags);
        script.step("remove", listing::with_paths(remove, &self.files))
    }
}
