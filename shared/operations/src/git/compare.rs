//! `compare`: how two revisions stand to each other.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::changes::{self, Detail, FileChange};
use super::script::Script;
use super::{revision, workspace};
use crate::page::Paging;
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Page, Place, Rejection, Remotes, Step, check,
};

/// Compares two revisions: where they parted, how many commits each has of its own, and which files the
/// head changed since then. The lines are told by `diff`, from `merge_base` to `head`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// What is compared with: a branch (`origin/main` for the remote's), a tag or an object id.
    pub base: String,
    /// What is compared: HEAD, a branch, a tag or an object id.
    #[serde(default = "head")]
    pub head: String,
}

/// How two revisions stand to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompareOutput {
    /// The base's commit.
    pub base: String,
    /// The head's commit.
    pub head: String,
    /// The newest commit that both have; `None` where they have none in common. Then the files are compared
    /// with the base itself.
    pub merge_base: Option<String>,
    /// Commits that only the head has.
    pub ahead: u64,
    /// Commits that only the base has.
    pub behind: u64,
    /// True when the base can simply be moved forward to the head.
    pub fast_forward: bool,
    /// The files of this page, changed between the merge base and the head.
    pub files: Vec<FileChange>,
    /// How many files changed, on this page or not.
    pub files_total: u64,
    /// What is not on this page.
    #[serde(flatten)]
    pub page: Page,
}

/// What the answer takes besides files.
const FRAME_BYTES: usize = 700;

fn head() -> String {
    "HEAD".to_owned()
}

impl Operation for Compare {
    const NAME: &'static str = "compare";
    const EFFECT: Effect = Effect::Reads;
    const PAGES: bool = true;
    const BUDGET: Budget = Budget { output_bytes: changes::BYTES_MAX, ..Budget::LOCAL };
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "base": "origin/main"}"#;
    type Output = CompareOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::revision("base", &self.base)?;
        check::reference::revision("head", &self.head)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let paging = &context.envelope.page;
        let apart = rounds.first().is_some_and(|first| parted(&self.script(paging, false), first));
        let script = self.script(paging, apart && rounds.len() > 1);
        let Some(exits) = rounds.last() else {
            return Decision::run(script.reading(context, Self::BUDGET, rounds));
        };
        let missing = |step, name| revision::not_found(&script, exits, step, name);
        if let Some(failure) = missing("base", &self.base).or_else(|| missing("head", &self.head)) {
            return failure.into();
        }
        if apart && rounds.len() == 1 {
            return Decision::run(self.script(paging, true).reading(context, Self::BUDGET, rounds));
        }
        match script.failure(exits, SideEffect::None) {
            Some(failure) => failure.into(),
            None => read(&script, exits, paging, apart)
                .map_or_else(Decision::from, |output| Done::with(output).into()),
        }
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        Some(json!({
            "base": output.base,
            "head": output.head,
            "merge_base": output.merge_base,
            "ahead": output.ahead,
            "behind": output.behind,
            "files": output.files_total,
        }))
    }
}

/// True when they have no commit in common.
fn parted(script: &Script, exits: &Exits) -> bool {
    script.stopped_at(exits) == Some("merge-base") && exits.last().is_some_and(|exit| exit.code == 1)
}

impl Compare {
    fn script(&self, paging: &Paging, apart: bool) -> Script {
        let (base, head) = match paging.pins() {
            Some([base, head, ..]) => (base, head),
            _ => (&self.base, &self.head),
        };
        let merge_base = Step::git(["merge-base", "--end-of-options"]).given(0).given(1);
        let only = |this, other| {
            Step::git(["rev-list", "--count"]).given(this).with(["--not"]).given(other).with(["--"])
        };
        let from = if apart { 0 } else { 4 };
        let files = changes::step("diff", Detail::Stat, 3).with(["--end-of-options"]).given(from).given(1);
        Script::default()
            .step("base", revision::step(base))
            .step("head", revision::step(head))
            .step("ahead", only(1, 0))
            .step("behind", only(0, 1))
            .step("merge-base", if apart { merge_base.may_fail() } else { merge_base })
            .step("files", files.with(["--"]))
    }
}

fn read(script: &Script, exits: &Exits, paging: &Paging, apart: bool) -> Result<CompareOutput, Box<Failure>> {
    let line = |name| script.line(exits, name).unwrap_or_default();
    let (base, head) = (line("base"), line("head"));
    let pins = vec![base.clone(), head.clone()];
    let changes = changes::read(script.exit(exits, "files"), Detail::Stat, paging, pins, FRAME_BYTES)?;
    let behind = line("behind").parse().unwrap_or(0);
    Ok(CompareOutput {
        base,
        head,
        merge_base: script.line(exits, "merge-base").filter(|_| !apart),
        ahead: line("ahead").parse().unwrap_or(0),
        behind,
        fast_forward: behind == 0 && !apart,
        files: changes.files,
        files_total: changes.files_total,
        page: changes.page,
    })
}
