//! `restore`: puts files back.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::{self, Told};
use super::script::Script;
use super::{commit, conflict, left_behind, revision, workspace};
use crate::{
    Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, Step, Undo, check,
};

/// Puts files back to what is staged, or to what they are in a commit: their contents, what is staged of
/// them, or both. Changes of these files that are not committed are thrown away; a snapshot of them is
/// kept. Files that the commit does not have are removed; files that git does not know stay.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// Paths of files or folders, relative to the workspace, taken literally; `.` is everything.
    pub files: Vec<String>,
    /// The commit to take them from: HEAD, a branch, a tag or an object id. If not given, what is staged;
    /// with `staged`, HEAD.
    #[serde(default)]
    pub source: Option<String>,
    /// Put back what is staged.
    #[serde(default)]
    pub staged: bool,
    /// Put back the files themselves.
    #[serde(default = "yes")]
    pub worktree: bool,
}

/// What was put back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreOutput {
    /// Files that were not as they are in the source.
    #[serde(flatten)]
    pub restored: Told,
    /// The commit that they were taken from; `None` when it was what is staged.
    pub source: Option<String>,
    /// False when all files were as they are in the source.
    pub changed: bool,
    /// True when this only says what would be.
    pub dry_run: bool,
}

fn yes() -> bool {
    true
}

impl Operation for Restore {
    const NAME: &'static str = "restore";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "files": ["notes.txt"]}"#;
    const DESTRUCTIVE: bool = true;
    const DRY_RUN: bool = true;
    const UNDO: Undo = Undo::Snapshot;
    type Output = RestoreOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        if self.files.is_empty() {
            return Err(Rejection::argument("files", "must name files"));
        }
        check::path::paths("files", &self.files)?;
        if !self.staged && !self.worktree {
            return Err(Rejection::argument("worktree", "must be true where 'staged' is not"));
        }
        self.source.as_deref().map_or(Ok(()), |source| check::reference::revision("source", source))
    }

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
        match script.stopped_at(exits) {
            Some("unmerged") => return commit::unmerged(script.exit(exits, "unmerged")).into(),
            Some("source") if exits.ended == crate::plan::Ended::Normally => {
                return revision::missing(self.source().unwrap_or("HEAD")).into();
            }
            _ => {}
        }
        if let Some(failure) = left_behind::failure(&script, exits, "restore") {
            return failure.into();
        }
        let mut paths = listing::read(script.exit(exits, "files"));
        paths.extend(listing::read(script.exit(exits, "staged")));
        paths.sort_unstable();
        paths.dedup();
        let restored = listing::told(paths, exits.steps.iter().any(|exit| exit.omitted_bytes > 0));
        let changed = restored.total > 0 && !dry_run;
        Done::with(RestoreOutput { restored, source: script.line(exits, "source"), changed, dry_run }).into()
    }

    fn recorded_output(output: &Self::Output) -> Option<serde_json::Value> {
        let told = serde_json::json!({
            "restored": output.restored.total,
            "source": output.source,
            "changed": output.changed,
        });
        Some(told)
    }
}

impl Restore {
    /// The commit to take the files from; `None` for what is staged.
    fn source(&self) -> Option<&str> {
        self.source.as_deref().or(self.staged.then_some("HEAD"))
    }

    fn script(&self, dry_run: bool) -> Script {
        // The number of the step that finds out the commit.
        const SOURCE: usize = 0;
        let from = |step: Step| if self.source().is_some() { step.given(SOURCE) } else { step };
        let differing = |staged: bool| listing::and_paths(from(listing::differing(staged)), &self.files);
        let mut restore = Step::git(["restore", "--quiet", "--no-progress", "--no-overlay"]);
        if self.source().is_some() {
            restore = restore.with(["--source"]).given(SOURCE);
        }
        let restore = restore.with(self.staged.then_some("--staged"));
        let restore = restore.with(self.worktree.then_some("--worktree"));
        Script::default()
            .maybe("source", self.source().map(revision::step))
            .step("unmerged", listing::and_paths(conflict::refuse_step(), &self.files))
            .maybe("files", self.worktree.then(|| differing(false)))
            .maybe("staged", self.staged.then(|| differing(true)))
            .maybe("restore", (!dry_run).then(|| listing::with_paths(restore, &self.files)))
    }
}
