//! `pull`: brings the remote's commits into the current branch.

use gitledger_events::operation::{Effect, RefChange, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conflict::{self, Conflict};
use super::integrate::{self, Join};
use super::room::Fetching;
use super::script::Script;
use super::workspace::{self, Head};
use super::{room, staging, unfinished};
use crate::failure::{classify, codes};
use crate::plan::Ended;
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remote, Remotes, Step,
    check,
};

pub use super::attempt::OnConflict;

/// Fetches a branch of the remote and puts the current branch's own commits on top of it, or merges it. If
/// both sides changed the same lines, nothing is left changed and the conflicts are told.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pull {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// True: the own commits are made again on top of the remote's. False: a merge.
    #[serde(default = "yes")]
    pub auto_rebase: bool,
    /// The remote's branch; the one the workspace was cloned from if not given.
    #[serde(default)]
    pub branch: Option<String>,
    /// What becomes of the workspace when there is a conflict. `keep` needs `auto_rebase` to be false.
    #[serde(default)]
    pub on_conflict: OnConflict,
}

/// What came in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullOutput {
    /// Files that could not be joined; empty when it succeeded. Of very many only the first.
    pub conflicts: Vec<Conflict>,
    /// How many files could not be joined, those left out of `conflicts` included.
    #[serde(default)]
    pub conflicts_total: u64,
    /// True when there are any.
    pub has_conflicts: bool,
    /// One sentence for people.
    pub output: String,
    /// HEAD afterwards.
    pub head: Option<String>,
    /// True when HEAD moved.
    pub updated: bool,
    /// Commits that the remote's branch does not have.
    pub ahead: u64,
    /// Commits of the remote's branch that are not here.
    pub behind: u64,
}

fn yes() -> bool {
    true
}

impl Operation for Pull {
    const NAME: &'static str = "pull";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::REMOTE;
    const UNDO: crate::Undo = crate::Undo::Checkout;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1"}"#;
    type Output = PullOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        if self.on_conflict == OnConflict::Keep && self.auto_rebase {
            return Err(Rejection::argument("on_conflict", "'keep' needs 'auto_rebase' to be false"));
        }
        self.branch.as_deref().map_or(Ok(()), |branch| check::reference::branch("branch", branch))
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        let (remote, branch) = match (workspace::remote(context), workspace::opened(context)) {
            (Ok(remote), Ok(opened)) => (remote, self.branch.as_ref().unwrap_or(&opened.base_branch)),
            (Err(failure), _) | (_, Err(failure)) => return failure.into(),
        };
        let round = |script: Script| {
            let mut plan = script.talking(context, &remote, Self::BUDGET, rounds);
            plan.env.extend(staging::identity(context, None, None));
            Decision::run(plan)
        };
        let usual = self.script(context, &remote, branch, Case::Usual);
        let first = self.script(context, &remote, branch, Case::First);
        let whole = self.script(context, &remote, branch, Case::Whole);
        match rounds {
            [] => round(usual),
            // Before the first commit there is nothing to join: the branch starts where the remote is.
            [exits] if unborn(&usual, exits) => round(first),
            [exits] if exits.ended == Ended::Normally && integrate::lacks_objects(&usual, exits) => {
                round(whole)
            }
            [exits] | [_, exits] if exits.ended != Ended::Normally => {
                // Stopped in the middle: put back what can be put back.
                if rounds.len() == 1 && usual.exit(exits, "carry").is_some() {
                    let undo = Script::default().step("abort", integrate::abort_step(self.join()));
                    return Decision::run(undo.writing(context, Self::BUDGET, rounds));
                }
                classify(exits, SideEffect::Unknown).into()
            }
            [exits] => self.read(&usual, exits),
            [stopped, after] if stopped.ended != Ended::Normally => {
                let undone = after.ended == Ended::Normally;
                classify(stopped, if undone { SideEffect::None } else { SideEffect::Unknown }).into()
            }
            [before, exits, ..] if unborn(&usual, before) => self.read(&first, exits),
            [_, exits, ..] => self.read(&whole, exits),
        }
    }
}

/// What the workspace is like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    /// It has commits.
    Usual,
    /// It has none.
    First,
    /// It has commits, and the clone's filter left out what is needed to join them.
    Whole,
}

fn unborn(script: &Script, exits: &Exits) -> bool {
    script.exit(exits, "before").is_some_and(|exit| !exit.ok()) && script.stopped_at(exits) == Some("clean")
}

impl Pull {
    fn join(&self) -> Join {
        if self.auto_rebase { Join::Rebase } else { Join::Merge }
    }

    /// Everything in one round trip: nothing is decided between the steps.
    fn script(&self, context: &Context<'_>, remote: &Remote, branch: &str, case: Case) -> Script {
        let onto = format!("refs/remotes/origin/{branch}");
        let script = Script::default()
            .step("branch", Step::git(["symbolic-ref", "--quiet", "HEAD"]))
            .step("before", workspace::head_step())
            .step("unmerged", conflict::refuse_step())
            .step("progress", unfinished::refuse_step());
        let script = if case == Case::First { script } else { integrate::clean_steps(script) };
        let script = room::open(script, context);
        let refspecs = vec![format!("+refs/heads/{branch}:refs/heads/{branch}")];
        let options = (case == Case::Whole).then(|| integrate::EVERYTHING.to_owned()).into_iter().collect();
        let script = room::fetch(script, context, remote, &Fetching { refspecs, options, named: None });
        let script = room::carry(script, context);
        let join = if case == Case::First { Join::Merge } else { self.join() };
        integrate::steps(script, join, &onto, self.on_conflict == OnConflict::Keep).step(
            "count",
            Step::git(["rev-list", "--left-right", "--count", &format!("HEAD...{onto}"), "--"]).may_fail(),
        )
    }

    fn read(&self, script: &Script, exits: &Exits) -> Decision<PullOutput> {
        match script.stopped_at(exits) {
            None => {}
            Some("branch") => return Failure::new(codes::DETACHED_HEAD, "HEAD is not on a branch.").into(),
            Some("unmerged") => return super::commit::unmerged(script.exit(exits, "unmerged")).into(),
            Some("progress") => return unfinished::refused(script.exit(exits, "progress")).into(),
            Some("clean") if script.exit(exits, "clean").is_some_and(|exit| exit.code == 1) => {
                let message = "There are changes that are not committed.";
                return Failure::new(codes::LOCAL_CHANGES_OVERWRITTEN, message).into();
            }
            Some(_) => return classify(exits, SideEffect::None).into(),
        }
        let before = workspace::head(script, exits, "before");
        let joined = integrate::read(script, exits);
        if !joined.conflicts.is_empty() {
            let kept = self.on_conflict == OnConflict::Keep;
            return conflicted(&joined.conflicts, kept).into();
        }
        if !joined.done {
            return integrate::refused(script, exits).into();
        }
        let (ahead, behind) = script.line(exits, "count").map(|line| count(&line)).unwrap_or_default();
        succeeded(before, joined.head, ahead, behind).into()
    }
}

fn succeeded(before: Head, after: Head, ahead: u64, behind: u64) -> Done<PullOutput> {
    let updated = before.oid != after.oid;
    let moved = RefChange {
        name: format!("refs/heads/{}", after.branch.as_deref().unwrap_or_default()),
        old: before.oid.clone(),
        new: after.oid.clone(),
    };
    let said = if updated { "The remote's commits are in." } else { "Already up to date." };
    Done {
        head_before: before.oid,
        head_after: after.oid.clone(),
        refs_changed: if updated { vec![moved] } else { Vec::new() },
        ..Done::with(PullOutput {
            output: said.to_owned(),
            head: after.oid,
            updated,
            ahead,
            behind,
            ..PullOutput::default()
        })
    }
}

/// The failure of a join with conflicts.
pub(super) fn conflicted(conflicts: &[Conflict], kept: bool) -> Failure {
    let end = if kept { "they are marked in the files" } else { "nothing was changed" };
    let message = format!("{} files have conflicts; {end}.", conflicts.len());
    let told = conflict::told(conflicts);
    let output = PullOutput {
        conflicts: told.to_vec(),
        conflicts_total: u64::try_from(conflicts.len()).unwrap_or(u64::MAX),
        has_conflicts: true,
        output: message.clone(),
        ..PullOutput::default()
    };
    Failure {
        side_effect: if kept { SideEffect::Applied } else { SideEffect::None },
        output: serde_json::to_value(output).ok(),
        facts: vec![conflict::detected(told).into()],
        ..Failure::new(codes::MERGE_CONFLICT, message)
    }
}

/// `<ahead> TAB <behind>`.
fn count(line: &str) -> (u64, u64) {
    let mut numbers = line.split_whitespace().map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
