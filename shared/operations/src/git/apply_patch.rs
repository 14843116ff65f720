//! `apply-patch`: changes files as a unified diff says.

mod numstat;
mod steps;

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::attempt::OnConflict;
use super::conflict::{self, Conflict};
use super::script::{Script, scratch};
use super::{commit, left_behind, workspace};
use crate::failure::codes;
use crate::plan::{Ended, Upload};
use crate::{Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Undo};

/// Applies a patch, whole or not at all. It is written as `git diff` writes one, paths with `a/` and `b/`
/// before them. What does not fit is named file by file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyPatch {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The unified diff, at most 4 MiB.
    pub patch: String,
    /// What is changed.
    #[serde(default)]
    pub target: Target,
    /// Where the patch does not fit but names versions of the files that are known here, merge. Only with
    /// the target `both`.
    #[serde(default)]
    pub three_way: bool,
    /// What becomes of the workspace when that merge has conflicts: nothing is changed, or they are marked
    /// in the files.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Undo what the patch does.
    #[serde(default)]
    pub reverse: bool,
    /// Count the lines of each hunk, whatever its head says: for patches written by hand.
    #[serde(default)]
    pub recount: bool,
}

/// What a patch changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The files. Nothing is staged.
    #[default]
    Worktree,
    /// What is staged. The files stay.
    Index,
    /// Both; the files must be as they are staged.
    Both,
}

/// What was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApplyPatchOutput {
    /// The files. Of very many only the first.
    pub files: Vec<PatchedFile>,
    /// How many files the patch changes.
    pub total: u64,
    /// False when this only says what would be.
    pub applied: bool,
}

/// One file of a patch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PatchedFile {
    /// Its name after the patch, or before it where it is deleted.
    pub path: String,
    /// Lines added; `None` for a binary file.
    pub additions: Option<u64>,
    /// Lines removed; `None` for a binary file.
    pub deletions: Option<u64>,
}

/// The longest patch, in bytes.
const PATCH_BYTES_MAX: usize = 4 << 20;
/// Patches up to this size go with the plan, without an upload of their own.
const INLINE_BYTES_MAX: usize = 24 << 10;
/// How many files are told.
const TOLD_MAX: usize = 300;
/// How many files are tried one by one when the whole does not fit.
const TRIED_MAX: usize = 100;

impl Operation for ApplyPatch {
    const NAME: &'static str = "apply-patch";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str =
        r#"{"sandbox_id": "i1", "patch": "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-old\n+new\n"}"#;
    const DRY_RUN: bool = true;
    const UNDO: Undo = Undo::Snapshot;
    type Output = ApplyPatchOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        if self.patch.trim().is_empty() {
            return Err(Rejection::argument("patch", "must not be empty"));
        }
        if self.patch.len() > PATCH_BYTES_MAX {
            return Err(Rejection::argument("patch", "must be at most 4 MiB"));
        }
        if self.three_way && self.target != Target::Both {
            return Err(Rejection::argument("three_way", "needs 'target' to be 'both'"));
        }
        if self.on_conflict == OnConflict::Keep && !self.three_way {
            return Err(Rejection::argument("on_conflict", "'keep' needs 'three_way'"));
        }
        Ok(())
    }

    fn endangers_files(&self) -> bool {
        true
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let turn = Turn { patch: self, context, script: steps::apply(self, context) };
        match rounds {
            [] => turn.run(steps::apply(self, context), self.inline().is_none(), rounds),
            [exits] => turn.read(exits).unwrap_or_else(|| match turn.tried(exits) {
                files if files.is_empty() => turn.misfit(exits, None),
                files => turn.run(steps::each(self, context, &files), true, rounds),
            }),
            [exits, each, ..] => turn.misfit(exits, Some(each)),
        }
    }

    fn recorded_input(&self) -> serde_json::Value {
        json!({
            "sandbox_id": self.sandbox_id,
            "bytes": self.patch.len(),
            "target": self.target,
            "three_way": self.three_way,
            "reverse": self.reverse,
        })
    }

    fn recorded_output(output: &Self::Output) -> Option<serde_json::Value> {
        Some(json!({ "files": output.total, "applied": output.applied }))
    }
}

impl ApplyPatch {
    /// Ends with a line end: without one git takes the last line for cut.
    fn text(&self) -> String {
        let end = if self.patch.ends_with('\n') { "" } else { "\n" };
        format!("{}{end}", self.patch)
    }

    /// A short patch, which needs no upload.
    fn inline(&self) -> Option<String> {
        (self.patch.len() <= INLINE_BYTES_MAX).then(|| self.text())
    }
}

/// What one call of `decide` knows.
struct Turn<'a> {
    patch: &'a ApplyPatch,
    context: &'a Context<'a>,
    script: Script,
}

impl Turn<'_> {
    fn run(&self, script: Script, upload: bool, rounds: &[Exits]) -> Decision<ApplyPatchOutput> {
        let mut plan = script.writing(self.context, ApplyPatch::BUDGET, rounds);
        plan.scratch = Some(scratch(self.context));
        if upload {
            let path = self.context.scratch(steps::PATCH);
            plan.uploads.push(Upload { path, bytes: self.patch.text().into_bytes() });
        }
        Decision::run(plan)
    }

    /// What the first round has shown; `None` when the patch does not fit and nothing was changed: then it
    /// is to be found out which files are at fault.
    fn read(&self, exits: &Exits) -> Option<Decision<ApplyPatchOutput>> {
        let script = &self.script;
        let at = script.stopped_at(exits);
        if at == Some("unmerged") {
            return Some(commit::unmerged(script.exit(exits, "unmerged")).into());
        }
        let conflicts = conflict::read(script.exit(exits, "conflicts"));
        if !conflicts.is_empty() && exits.ended == Ended::Normally {
            let kept = script.exit(exits, "fits").is_none();
            return Some(conflicted(&conflicts, kept).into());
        }
        let failure = match at {
            Some(_) => left_behind::failure(script, exits, "apply"),
            None if script.ok(exits, "apply") => None,
            // It may fail where conflicts are to be listed after it.
            None => Some(left_behind::of_exit(script.exit(exits, "apply"))),
        };
        match failure {
            None => Some(self.done(exits).into()),
            Some(failure) if failure.code == codes::PATCH_FAILED => None,
            Some(failure) => Some(failure.into()),
        }
    }

    fn done(&self, exits: &Exits) -> Done<ApplyPatchOutput> {
        let mut files = numstat::read(self.script.exit(exits, "files"));
        let total = u64::try_from(files.len()).unwrap_or(u64::MAX);
        files.truncate(TOLD_MAX);
        Done::with(ApplyPatchOutput { files, total, applied: !self.context.envelope.dry_run })
    }

    /// The files to try one by one.
    fn tried(&self, exits: &Exits) -> Vec<String> {
        let files = numstat::read(self.script.exit(exits, "files"));
        let mut paths: Vec<_> = files.into_iter().map(|file| file.path).collect();
        paths.truncate(TRIED_MAX);
        paths
    }

    /// The failure of a patch that does not fit; `each` is how every file of it alone went.
    fn misfit(&self, exits: &Exits, each: Option<&Exits>) -> Decision<ApplyPatchOutput> {
        let last = |name| self.script.exit(exits, name).filter(|exit| !exit.ok());
        let said = last("apply").or(exits.last());
        let failure = left_behind::of_exit(said);
        let mut rejected = self.tried(exits);
        if let Some(each) = each {
            let refused = each.steps.iter().map(|exit| !exit.ok());
            let alone: Vec<_> = rejected.iter().zip(refused).filter(|(_, refused)| *refused).collect();
            rejected = alone.into_iter().map(|(path, _)| path.clone()).collect();
        }
        let output = Some(json!({ "rejected": rejected }));
        Failure { side_effect: SideEffect::None, output, ..failure }.into()
    }
}

fn conflicted(conflicts: &[Conflict], kept: bool) -> Failure {
    let end = if kept { "they are marked in the files" } else { "nothing was changed" };
    let message = format!("{} files have conflicts; {end}.", conflicts.len());
    let told = conflict::told(conflicts);
    Failure {
        side_effect: if kept { SideEffect::Applied } else { SideEffect::None },
        output: Some(json!({ "conflicts": told, "conflicts_total": conflicts.len() })),
        facts: vec![conflict::detected(told).into()],
        ..Failure::new(codes::MERGE_CONFLICT, message)
    }
}
