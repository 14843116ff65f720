//! `show`: one commit and what it changed.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::changes::{self, FileChange};
use super::logged::{self, Commit};
use super::script::Script;
use super::{revision, workspace};
use crate::page::{Paging, json_bytes};
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Page, Place, Rejection, Remotes, Step, check,
};

/// Shows a commit and what it changed against its first parent: who, when, why, which files, which lines.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// The commit: HEAD, a branch, a tag or an object id.
    #[serde(default = "head")]
    pub revision: String,
    /// How much is shown of what it changed.
    #[serde(default)]
    pub detail: Detail,
}

/// How much is shown of what a commit changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// The lines, and everything below.
    Patch,
    /// Which files, and how many lines.
    #[default]
    Stat,
    /// Nothing: only the commit.
    None,
}

/// A commit. Of what it changed this is a page: whole files, as `diff` gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShowOutput {
    /// The commit.
    pub commit: Commit,
    /// The patch; empty unless asked for.
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

/// What the answer takes besides the commit, the files and their lines.
const FRAME_BYTES: usize = 512;

fn head() -> String {
    "HEAD".to_owned()
}

impl Operation for Show {
    const NAME: &'static str = "show";
    const EFFECT: Effect = Effect::Reads;
    const SHOWS_CONTENTS: bool = true;
    const PAGES: bool = true;
    const BUDGET: Budget = Budget { output_bytes: changes::BYTES_MAX, ..Budget::LOCAL };
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "revision": "main", "detail": "patch"}"#;
    type Output = ShowOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::revision("revision", &self.revision)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let paging = &context.envelope.page;
        let script = self.script(paging);
        let Some(exits) = rounds.first() else {
            return Decision::run(script.reading(context, Self::BUDGET, rounds));
        };
        let failure = revision::not_found(&script, exits, "oid", &self.revision)
            .or_else(|| script.failure(exits, SideEffect::None));
        match failure {
            Some(failure) => failure.into(),
            None => self
                .read(&script, exits, paging)
                .map_or_else(Decision::from, |output| Done::with(output).into()),
        }
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        Some(json!({
            "oid": output.commit.oid,
            "files": output.files_total,
            "bytes": output.bytes,
            "truncated": output.page.truncated,
        }))
    }
}

impl Show {
    fn changes(&self) -> Option<changes::Detail> {
        match self.detail {
            Detail::Patch => Some(changes::Detail::Patch),
            Detail::Stat => Some(changes::Detail::Stat),
            Detail::None => None,
        }
    }

    fn script(&self, paging: &Paging) -> Script {
        let revision = paging.pins().and_then(<[String]>::first).unwrap_or(&self.revision);
        let commit = Step::git(logged::arguments()).with(["--max-count=1", "--end-of-options"]).given(0);
        let changes = self.changes().map(|detail| {
            // A merge against its first parent, a first commit against nothing.
            let how = ["--root", "-r", "--no-commit-id", "--diff-merges=first-parent", "--end-of-options"];
            changes::step("diff-tree", detail, 3).with(how).given(0)
        });
        Script::default()
            .step("oid", revision::step(revision))
            .step("commit", commit.with(["--"]))
            .maybe("changes", changes)
    }

    fn read(&self, script: &Script, exits: &Exits, paging: &Paging) -> Result<ShowOutput, Box<Failure>> {
        let commits = script.exit(exits, "commit").map(|exit| logged::parse(&exit.stdout));
        let commit = commits.unwrap_or_default().into_iter().next().unwrap_or_default();
        let Some(detail) = self.changes() else {
            return Ok(ShowOutput { commit, ..ShowOutput::default() });
        };
        let other_bytes = FRAME_BYTES + json_bytes(&commit);
        let pins = vec![commit.oid.clone()];
        let changes = changes::read(script.exit(exits, "changes"), detail, paging, pins, other_bytes)?;
        Ok(ShowOutput {
            commit,
            diff: changes.patch,
            files: changes.files,
            files_total: changes.files_total,
            bytes: changes.bytes,
            page: changes.page,
        })
    }
}
