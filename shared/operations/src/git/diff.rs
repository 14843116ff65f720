//! `diff`: what changed, in whole files and whole hunks.

mod patch;
mod records;

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::script::Script;
use super::workspace;
use crate::failure::codes;
use crate::{
    Budget, Context, Decision, Done, Exit, Exits, Operation, Place, Rejection, Remotes, Step, check,
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
    /// The most bytes of patch, 1 to 1048576. Only whole files and hunks are shown; `omitted` names the
    /// rest.
    #[serde(default = "kib_64")]
    pub max_bytes: u32,
}

/// How much of a difference is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// The lines, and everything below.
    #[default]
    Patch,
    /// How many lines per file, and everything below.
    Stat,
    /// Which files.
    Name,
}

/// What changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffOutput {
    /// The patch; empty unless asked for. Lines that are not UTF-8 are shown with replacement characters.
    pub diff: String,
    /// Every file that changed.
    pub files: Vec<FileChange>,
    /// True when something was left out.
    pub truncated: bool,
    /// Files whose lines were left out, whole or in part.
    pub omitted: Vec<Omitted>,
    /// The whole patch's size, shown or not.
    pub bytes: u64,
}

/// A file that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileChange {
    /// Its name now.
    pub path: String,
    /// Its name before, where it was renamed or copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_path: Option<String>,
    /// `added`, `modified`, `deleted`, `renamed`, `copied`, `type-changed` or `unmerged`.
    pub status: String,
    /// Lines added; `None` for a binary file, or when not asked for.
    pub additions: Option<u64>,
    /// Lines removed; `None` for a binary file, or when not asked for.
    pub deletions: Option<u64>,
    /// True when git takes it for binary.
    pub binary: bool,
}

/// A file whose lines were left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Omitted {
    /// Its name.
    pub path: String,
    /// How many of its hunks are not shown; 0 where the file has none (binary, mode) or was cut by git's
    /// own limit.
    pub hunks: usize,
}

/// git knows the tree without files under this name; what a repository without commits is compared with.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const MAX_BYTES: u32 = 1 << 20;
const CONTEXT_LINES_MAX: u32 = 1000;

fn three() -> u32 {
    3
}

fn kib_64() -> u32 {
    64 << 10
}

impl Operation for Diff {
    const NAME: &'static str = "diff";
    const EFFECT: Effect = Effect::Reads;
    const SHOWS_CONTENTS: bool = true;
    const BUDGET: Budget = Budget::LOCAL;
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
        if !(1..=MAX_BYTES).contains(&self.max_bytes) {
            return Err(Rejection::argument("max_bytes", "must be 1 to 1048576"));
        }
        Ok(())
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let run = |base: &str| Decision::run(self.script(base).reading(context, Self::BUDGET, rounds));
        let Some(exits) = rounds.last() else {
            return run(self.from.as_deref().unwrap_or("HEAD"));
        };
        match self.script("").failure(exits, SideEffect::None) {
            // Before the first commit everything is new.
            Some(failure)
                if rounds.len() == 1 && self.from.is_none() && failure.code == codes::EMPTY_REPOSITORY =>
            {
                run(EMPTY_TREE)
            }
            Some(failure) => failure.into(),
            None => Done::with(self.read(exits.get(0))).into(),
        }
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        let sum = |count: fn(&FileChange) -> Option<u64>| output.files.iter().filter_map(count).sum::<u64>();
        Some(json!({
            "files": output.files.len(),
            "additions": sum(|file| file.additions),
            "deletions": sum(|file| file.deletions),
            "bytes": output.bytes,
            "truncated": output.truncated,
        }))
    }
}

impl Diff {
    /// Always against a revision: without one git would read files from outside the repository.
    fn script(&self, base: &str) -> Script {
        let mut argv: Vec<String> = ["diff", "-z", "--raw", "--no-ext-diff", "--no-textconv", "--no-color"]
            .into_iter()
            .chain(["--find-renames", "--ignore-submodules=dirty", "--submodule=short", "--no-relative"])
            .map(str::to_owned)
            .collect();
        match self.detail {
            Detail::Patch => {
                argv.extend(["--numstat".to_owned(), "--patch".to_owned()]);
                argv.push(format!("--unified={}", self.context_lines));
            }
            Detail::Stat => argv.push("--numstat".to_owned()),
            Detail::Name => {}
        }
        if self.staged {
            argv.push("--cached".to_owned());
        }
        argv.extend(["--end-of-options".to_owned(), base.to_owned()]);
        argv.extend(self.to.clone());
        argv.push("--".to_owned());
        argv.extend(self.files.iter().cloned());
        Script::default().step("diff", Step::git(argv))
    }

    fn read(&self, exit: Option<&Exit>) -> DiffOutput {
        let Some(exit) = exit else { return DiffOutput::default() };
        let (files, patch) = records::parse(&exit.stdout);
        let max = usize::try_from(self.max_bytes).unwrap_or(usize::MAX);
        let shown = patch::fit(patch, &files, max, exit.omitted_bytes > 0);
        DiffOutput {
            truncated: !shown.omitted.is_empty() || exit.omitted_bytes > 0,
            diff: shown.text,
            omitted: shown.omitted,
            bytes: patch.len() as u64 + exit.omitted_bytes,
            files,
        }
    }
}
