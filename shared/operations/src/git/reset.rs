//! `reset`: sets the branch, and with it what is staged and the files, to a commit.

use gitledger_events::operation::{Effect, RefChange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::{self, Told};
use super::script::Script;
use super::{commit, conflict, left_behind, revision, staging, workspace};
use crate::plan::Ended;
use crate::{
    Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, Step, Undo, check,
};

/// Sets the current branch to a commit, and with it what is staged and the files, as the mode says. With
/// `files` the branch stays, and only what is staged of these files is set. A snapshot of what is not
/// committed is kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// How much is set.
    #[serde(default)]
    pub mode: Mode,
    /// The commit: HEAD, a branch (`origin/main` for the remote's), a tag or an object id.
    #[serde(default = "head")]
    pub revision: String,
    /// Only what is staged of these paths, relative to the workspace and taken literally. Only with
    /// `mixed`.
    #[serde(default)]
    pub files: Vec<String>,
}

/// How much a reset sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The branch only.
    Soft,
    /// The branch and what is staged; the files stay.
    #[default]
    Mixed,
    /// The branch, what is staged and the files: changes that are not committed are thrown away.
    Hard,
    /// As hard, but refused where a file has changes that would be lost; the others keep theirs.
    Keep,
}

/// Where the branch is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResetOutput {
    /// HEAD's commit now.
    pub head: Option<String>,
    /// HEAD's commit before.
    pub previous_head: Option<String>,
    /// The branch; `None` when HEAD is detached.
    pub branch: Option<String>,
    /// Files that lost something that was not committed: with `hard` their changes, with `mixed` what was
    /// staged of them.
    #[serde(flatten)]
    pub lost: Told,
    /// False when everything was that way already.
    pub changed: bool,
    /// True when this only says what would be.
    pub dry_run: bool,
}

fn head() -> String {
    "HEAD".to_owned()
}

impl Operation for Reset {
    const NAME: &'static str = "reset";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "mode": "hard", "revision": "origin/main"}"#;
    const DESTRUCTIVE: bool = true;
    const DRY_RUN: bool = true;
    const UNDO: Undo = Undo::Snapshot;
    type Output = ResetOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::revision("revision", &self.revision)?;
        if self.mode != Mode::Mixed && !self.files.is_empty() {
            return Err(Rejection::argument("mode", "must be 'mixed' where 'files' are named"));
        }
        check::path::paths("files", &self.files)
    }

    /// A soft one too: what is undone is then always undone from a snapshot.
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
            Some("target") if exits.ended == Ended::Normally => {
                return revision::missing(&self.revision).into();
            }
            Some("unmerged") => return commit::unmerged(script.exit(exits, "unmerged")).into(),
            _ => {}
        }
        match left_behind::failure(&script, exits, "reset") {
            Some(failure) => failure.into(),
            None => self.done(&script, exits, dry_run).into(),
        }
    }

    fn recorded_output(output: &Self::Output) -> Option<serde_json::Value> {
        let told = serde_json::json!({
            "head": output.head,
            "previous_head": output.previous_head,
            "branch": output.branch,
            "files": output.lost.total,
            "changed": output.changed,
        });
        Some(told)
    }
}

impl Reset {
    fn script(&self, dry_run: bool) -> Script {
        // The number of the step that finds out the commit.
        const TARGET: usize = 0;
        let some = !self.files.is_empty();
        let reset = Step::git(["reset", "--quiet"]);
        let reset = if some {
            listing::with_paths(reset, &self.files).given(TARGET)
        } else {
            reset.with([self.mode.flag()]).given(TARGET).with(["--"])
        };
        Script::default()
            .step("target", revision::step(&self.revision))
            .maybe("unmerged", some.then(|| listing::and_paths(conflict::refuse_step(), &self.files)))
            .step("before", workspace::head_step())
            .maybe("lost", self.lost_step(TARGET))
            .maybe("refresh", (self.mode == Mode::Keep).then(staging::refresh_step))
            .maybe("reset", (!dry_run).then_some(reset))
            .step("after", workspace::head_step())
    }

    /// Lists what is not committed and will not be there any more. Fails before the first commit.
    fn lost_step(&self, target: usize) -> Option<Step> {
        let step = match self.mode {
            Mode::Soft | Mode::Keep => return None,
            Mode::Hard => listing::differing(false).with(["HEAD"]),
            Mode::Mixed if self.files.is_empty() => listing::differing(true),
            Mode::Mixed => listing::differing(true).given(target),
        };
        Some(listing::and_paths(step, &self.files).may_fail())
    }

    fn done(&self, script: &Script, exits: &Exits, dry_run: bool) -> Done<ResetOutput> {
        let before = workspace::head(script, exits, "before");
        let after = workspace::head(script, exits, "after");
        let target = script.line(exits, "target").filter(|_| self.files.is_empty());
        let head = if dry_run { target.or(after.oid.clone()) } else { after.oid.clone() };
        let lost = listing::tell(script.exit(exits, "lost"));
        let changed = !dry_run && (before.oid != after.oid || lost.total > 0);
        let name =
            after.branch.as_ref().map_or_else(|| "HEAD".to_owned(), |name| format!("refs/heads/{name}"));
        let moved = RefChange { name, old: before.oid.clone(), new: after.oid.clone() };
        Done {
            head_before: before.oid.clone(),
            head_after: after.oid.clone(),
            refs_changed: if before.oid == after.oid { Vec::new() } else { vec![moved] },
            ..Done::with(ResetOutput {
                head,
                previous_head: before.oid,
                branch: after.branch,
                lost,
                changed,
                dry_run,
            })
        }
    }
}

impl Mode {
    fn flag(self) -> &'static str {
        match self {
            Self::Soft => "--soft",
            Self::Mixed => "--mixed",
            Self::Hard => "--hard",
            Self::Keep => "--keep",
        }
    }
}
