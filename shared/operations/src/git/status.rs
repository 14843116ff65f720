//! `status`: what is changed, staged and untracked, and where the branch stands.

mod porcelain;

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::unfinished::{self, Progress};
use super::{Conflict, workspace};
use crate::page::{Paging, digest, json_bytes};
use crate::{
    Budget, Context, Decision, Done, Exit, Exits, Failure, Operation, Page, Place, Rejection, Remotes, Step,
};

/// Shows the working tree's state: branch, upstream, changed, staged, untracked and conflicting files.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The sandbox to look into.
    pub sandbox_id: String,
}

/// The state of the working tree. Paths are relative to the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusOutput {
    /// The branch; empty when HEAD is detached.
    pub current_branch: String,
    /// True when HEAD is a commit and not a branch.
    pub detached: bool,
    /// HEAD's commit; `None` before the first.
    pub head: Option<String>,
    /// The remote branch that this one follows.
    pub upstream: Option<String>,
    /// Commits that the upstream does not have; `None` when it does not exist.
    pub ahead: Option<u64>,
    /// Commits of the upstream that are not here; `None` when it does not exist.
    pub behind: Option<u64>,
    /// True when nothing is changed, staged, untracked or conflicting.
    pub clean: bool,
    /// Tracked files whose contents or mode in the working tree are not what is staged.
    pub modified: Vec<String>,
    /// Files whose staged state is not what HEAD has.
    pub staged: Vec<String>,
    /// Files that git does not know and does not ignore.
    pub untracked: Vec<String>,
    /// Tracked files that are gone, staged or not.
    pub deleted: Vec<String>,
    /// Files that were renamed or copied.
    pub renamed: Vec<Renamed>,
    /// Files that could not be joined.
    pub conflicted: Vec<Conflict>,
    /// Every file of this page with its two letters, those with conflicts first. The lists above are the same
    /// files, sorted by kind.
    pub entries: Vec<Entry>,
    /// What is not finished: `merge`, `rebase`, `cherry-pick`, `revert` or `bisect`. Looked for only
    /// where there is a conflict or HEAD is detached.
    pub in_progress: Option<String>,
    /// How far that has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// How many files there are of each kind, on this page or not.
    pub counts: Counts,
    /// What is not on this page.
    #[serde(flatten)]
    pub page: Page,
}

/// How many files there are of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// All that have an entry.
    pub entries: u64,
    /// As the list of this name.
    pub modified: u64,
    /// As the list of this name.
    pub staged: u64,
    /// As the list of this name.
    pub untracked: u64,
    /// As the list of this name.
    pub deleted: u64,
    /// As the list of this name.
    pub renamed: u64,
    /// As the list of this name.
    pub conflicted: u64,
}

/// A renamed or copied file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Renamed {
    /// Its name now.
    pub path: String,
    /// Its name in HEAD.
    pub orig_path: String,
}

/// One file of the status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Its name now.
    pub path: String,
    /// Its name before, where it was renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orig_path: Option<String>,
    /// git's two letters, staged and not: `M.`, `.M`, `??`, `UU`.
    pub xy: String,
}

impl Operation for Status {
    const NAME: &'static str = "status";
    const EFFECT: Effect = Effect::Reads;
    const PAGES: bool = true;
    const BUDGET: Budget = Budget { output_bytes: 32 << 20, ..Budget::LOCAL };
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1"}"#;
    type Output = StatusOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let [look, rest @ ..] = rounds else {
            return Decision::run(look_script().reading(context, Self::BUDGET, rounds));
        };
        if let Some(failure) = look_script().failure(look, SideEffect::None) {
            return failure.into();
        }
        let read = look.get(0).map(|exit| read(exit, &context.envelope.page)).transpose();
        let mut output = match read {
            Ok(output) => output.unwrap_or_default(),
            Err(failure) => return failure.into(),
        };
        // A second process only where something may be unfinished: most calls are one.
        if output.detached || output.counts.conflicted > 0 {
            let Some(found) = rest.first() else {
                return Decision::run(unfinished_script().reading(context, Self::BUDGET, rounds));
            };
            let state = unfinished::read(found.get(0));
            output.in_progress = state.as_ref().map(|state| state.kind.name().to_owned());
            output.progress = state.map(|state| state.progress);
        }
        Done::with(output).into()
    }

    fn recorded_output(output: &Self::Output) -> Option<serde_json::Value> {
        let counts = serde_json::json!({
            "current_branch": output.current_branch,
            "head": output.head,
            "clean": output.clean,
            "files": output.counts.entries,
        });
        Some(counts)
    }
}

fn look_script() -> Script {
    let argv = ["status", "--porcelain=v2", "-z", "--branch", "--untracked-files=all"];
    let quiet = ["--ahead-behind", "--renames", "--no-show-stash", "--ignore-submodules=dirty"];
    Script::default().step("status", Step::git(argv.into_iter().chain(quiet)))
}

fn unfinished_script() -> Script {
    Script::default().step("unfinished", unfinished::step())
}

/// What the answer takes besides files.
const FRAME_BYTES: usize = 1024;

fn read(exit: &Exit, paging: &Paging) -> Result<StatusOutput, Box<Failure>> {
    let pins = [digest(&exit.stdout)];
    paging.same(&pins)?;
    let cut_off = exit.omitted_bytes > 0;
    let (mut output, entries) = porcelain::parse(&exit.stdout);
    output.clean = entries.is_empty() && !cut_off;
    for entry in &entries {
        porcelain::count(&mut output.counts, entry);
    }
    let rest = entries.into_iter().skip(paging.skip()).collect();
    // A file is in one or more of the lists, too.
    let size = |entry: &Entry| {
        let mut alone = StatusOutput::default();
        porcelain::sort(&mut alone, entry);
        json_bytes(entry) + alone.names_bytes()
    };
    let (entries, mut page) =
        paging.window(rest, false, &pins, FRAME_BYTES, size, |entry| entry.path.clone());
    page.truncated |= cut_off;
    for entry in &entries {
        porcelain::sort(&mut output, entry);
    }
    Ok(StatusOutput { entries, page, ..output })
}

impl StatusOutput {
    /// What the lists of names take of the answer.
    fn names_bytes(&self) -> usize {
        let lists = [&self.modified, &self.staged, &self.untracked, &self.deleted];
        lists.map(json_bytes).iter().sum::<usize>() + json_bytes(&self.renamed) + json_bytes(&self.conflicted)
    }
}
