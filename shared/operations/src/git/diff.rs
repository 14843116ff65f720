//! `diff`: what changed, in whole files and whole hunks.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use super::changes::{Detail, FileChange};
use super::script::Script;
use super::{changes, revision, workspace};
use crate::failure::codes;
use crate::page::Paging;
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Page, Place, Rejection, Remotes, check,
};

/// Shows what changed against HEAD or between two revisions. Without further fields that is everything not
/// committed, staged or not; with `staged` only what is staged. Untracked files are not shown: `status`
/// lists them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Diff {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// Only these files or folders, relative to the workspace, taken literally; all if empty.
    #[serde(default)]
    pub files: Vec<String>,
    /// Only what is staged. Not together with `to`.
    #[serde(default)]
    pub staged: bool,
    /// The revision to compare with; HEAD if not given.
    #[serde(default)]
    pub from: Option<String>,
    /// The revision that is compared; the working tree if not given. Needs `from`.
    #[serde(default)]
    pub to: Option<String>,
    /// Unchanged lines shown around a change, 0 to 1000.
    #[serde(default = "three")]
    pub context_lines: u32,
    /// How much is shown.
    #[serde(default)]
    pub detail: Detail,
}

/// What changed, or a page of it: whole files. A file that is larger than a page comes in whole hunks over
/// several pages. The pages' `diff` joined is the whole patch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffOutput {
    /// The patch; empty unless asked for. Lines that are not UTF-8 are shown with replacement characters.
    pub diff: String,
    /// The files of this page.
    pub files: Vec<FileChange>,
    /// How many files changed, on this page or not.
    pub files_total: u64,
    /// The whole patch's size, on this page or not.
    pub bytes: u64,
    /// What is not on this page.
    #[serde(flatten)]
    pub page: Page,
}

const CONTEXT_LINES_MAX: u32 = 1000;
/// What the answer takes besides files and lines: its fields' names, and a cursor.
const FRAME_BYTES: usize = 512;

fn three() -> u32 {
    3
}

impl Operation for Diff {
    const NAME: &'static str = "diff";
    const EFFECT: Effect = Effect::Reads;
    const SHOWS_CONTENTS: bool = true;
    const PAGES: bool = true;
    const BUDGET: Budget = Budget { output_bytes: changes::BYTES_MAX, ..Budget::LOCAL };
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "files": ["README.md"]}"#;
    type Output = DiffOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::path::paths("files", &self.files)?;
        for (field, revision) in [("from", &self.from), ("to", &self.to)] {
            revision.as_deref().map_or(Ok(()), |text| check::reference::revision(field, text))?;
        }
        if self.to.is_some() && (self.from.is_none() || self.staged) {
            return Err(Rejection::argument("to", "needs 'from', and must not be set with 'staged'"));
        }
        if self.context_lines > CONTEXT_LINES_MAX {
            return Err(Rejection::argument("context_lines", "must be at most 1000"));
        }
        Ok(())
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let paging = &context.envelope.page;
        // A later page is cut from what the first one was, wherever the branches are now.
        let (from, to) = match (&self.to, paging.pins()) {
            (Some(_), Some([from, to, ..])) => (Some(from.as_str()), Some(to.as_str())),
            (to, _) => (self.from.as_deref(), to.as_deref()),
        };
        let script = |from: &str| self.script(from, to);
        let run = |from: &str| Decision::run(script(from).reading(context, Self::BUDGET, rounds));
        let Some(exits) = rounds.last() else {
            return run(from.unwrap_or("HEAD"));
        };
        let script = script(from.unwrap_or("HEAD"));
        if let Some(failure) = [("from", from), ("to", to)]
            .into_iter()
            .find_map(|(step, name)| revision::not_found(&script, exits, step, name.unwrap_or("HEAD")))
        {
            return failure.into();
        }
        match script.failure(exits, SideEffect::None) {
            // Before the first commit everything is new.
            Some(failure)
                if rounds.len() == 1 && self.from.is_none() && failure.code == codes::EMPTY_REPOSITORY =>
            {
                run(changes::EMPTY_TREE)
            }
            Some(failure) => failure.into(),
            None => self
                .read(&script, exits, paging)
                .map_or_else(Decision::from, |output| Done::with(output).into()),
        }
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        Some(json!({
            "files": output.files_total,
            "bytes": output.bytes,
            "truncated": output.page.truncated,
        }))
    }
}

impl Diff {
    /// Always against a revision: without one git would read files from outside the repository.
    fn script(&self, from: &str, to: Option<&str>) -> Script {
        let mut diff = changes::step("diff", self.detail, self.context_lines);
        if self.staged {
            diff = diff.with(["--cached"]);
        }
        diff = diff.with(["--end-of-options"]);
        let Some(to) = to else {
            // What is listed is its own pin, so one process is enough.
            return Script::default().step("diff", diff.with([from, "--"]).with(&self.files));
        };
        Script::default()
            .step("from", revision::step(from))
            .step("to", revision::step(to))
            .step("diff", diff.given(0).given(1).with(["--"]).with(&self.files))
    }

    fn read(&self, script: &Script, exits: &Exits, paging: &Paging) -> Result<DiffOutput, Box<Failure>> {
        let pins = ["from", "to"].iter().filter_map(|name| script.line(exits, name)).collect();
        let changes = changes::read(script.exit(exits, "diff"), self.detail, paging, pins, FRAME_BYTES)?;
        Ok(DiffOutput {
            diff: changes.patch,
            files: changes.files,
            files_total: changes.files_total,
            bytes: changes.bytes,
            page: changes.page,
        })
    }
}
