//! What changes history in the workspace: what merge, rebase, cherry-pick and revert have in common.
//!
//! One plan looks whether it may begin, does it, tells what does not fit, and takes everything back unless
//! it is to stay open. Only where it is stopped in the middle a second plan takes back.

use gitledger_events::operation::{RefChange, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conflict;
use super::script::Script;
use super::unfinished::{self, Kind, State};
use super::workspace::{self, Head};
use super::{commit, resolve, staging};
use crate::failure::{classify, classify_exit, codes};
use crate::plan::Ended;
use crate::{Budget, Context, Decision, Done, Exit, Exits, Failure, Step};

/// What becomes of the workspace when there is a conflict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnConflict {
    /// It is put back to where it was.
    #[default]
    Abort,
    /// It stays open, with conflict markers in the files: ask `conflict-list` and `conflict-show`, answer
    /// with `conflict-resolve`, then go on with `sequencer`.
    Keep,
}

/// How an operation changes history.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// What must be so, and the names that are resolved.
    pub(crate) before: Script,
    /// The steps of it that resolve a name, each with what the caller wrote.
    pub(crate) names: Vec<(usize, String)>,
    /// What is tried.
    pub(crate) act: Step,
    /// Done when that went well, and fails when it did not.
    pub(crate) commit: Option<Step>,
    /// Takes everything back, or finds nothing to take back.
    pub(crate) undo: Step,
    /// Done last, whatever came of it.
    pub(crate) last: Script,
    /// Whether it stays open when something does not fit.
    pub(crate) on_conflict: OnConflict,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Changed {
    /// Where HEAD was.
    pub(crate) before: Head,
    /// Where it is.
    pub(crate) after: Head,
}

impl Changed {
    /// True when HEAD moved.
    pub(crate) fn moved(&self) -> bool {
        self.before.oid != self.after.oid
    }

    /// The success, with what is to be recorded of it.
    pub(crate) fn done<O>(&self, output: O) -> Done<O> {
        let branch = self.after.branch.as_deref();
        let moved = RefChange {
            name: branch.map_or_else(|| "HEAD".to_owned(), |branch| format!("refs/heads/{branch}")),
            old: self.before.oid.clone(),
            new: self.after.oid.clone(),
        };
        Done {
            head_before: self.before.oid.clone(),
            head_after: self.after.oid.clone(),
            refs_changed: if self.moved() { vec![moved] } else { Vec::new() },
            ..Done::with(output)
        }
    }
}

/// What must be so before anything begins: a commit, nothing unfinished, no conflict.
pub(crate) fn begin() -> Script {
    Script::default()
        .step("before", Step { may_fail: false, ..workspace::head_step() })
        .step("progress", unfinished::refuse_step())
        .step("unmerged", conflict::refuse_step())
}

impl Attempt {
    /// The next decision. `done` makes the answer of a success.
    pub(crate) fn decide<O>(
        &self,
        context: &Context<'_>,
        budget: Budget,
        rounds: &[Exits],
        done: impl FnOnce(&Script, &Exits, &Changed) -> O,
    ) -> Decision<O> {
        let script = self.script();
        match rounds {
            [] => {
                let mut plan = script.writing(context, budget, rounds);
                plan.env.extend(staging::identity(context, None, None));
                Decision::run(plan)
            }
            [exits] if exits.ended == Ended::Normally => match self.read(&script, exits) {
                Ok(changed) => changed.done(done(&script, exits, &changed)).into(),
                Err(failure) => failure.into(),
            },
            // Stopped in the middle: what was begun is taken back.
            [stopped] if stopped.steps.len() >= self.before.len() => {
                Decision::run(self.taking_back().writing(context, budget, rounds))
            }
            [stopped] => classify(stopped, SideEffect::None).into(),
            [stopped, after, ..] => {
                let before = workspace::head(&script, stopped, "before");
                let back = self.taking_back();
                let whole = after.ended == Ended::Normally
                    && back.ok(after, "progress")
                    && workspace::head(&back, after, "after") == before;
                classify(stopped, if whole { SideEffect::None } else { SideEffect::Unknown }).into()
            }
        }
    }

    fn script(&self) -> Script {
        let undo = (self.on_conflict == OnConflict::Abort).then(|| self.undo.clone().may_fail());
        self.before
            .clone()
            .step("act", self.act.clone().may_fail())
            .step("conflicts", conflict::list_step())
            .step("staged", staging::staged_step())
            .maybe("commit", self.commit.clone().map(Step::may_fail))
            .step("state", unfinished::step())
            .maybe("undo", undo)
            .then(self.last.clone())
            .step("after", workspace::head_step())
    }

    fn taking_back(&self) -> Script {
        Script::default()
            .step("undo", self.undo.clone().may_fail())
            .step("progress", unfinished::refuse_step().may_fail())
            .step("after", workspace::head_step())
    }

    fn read(&self, script: &Script, exits: &Exits) -> Result<Changed, Box<Failure>> {
        if let Some(at) = script.stopped_at(exits) {
            return Err(Box::new(self.stopped(at, exits)));
        }
        let changed = Changed {
            before: workspace::head(script, exits, "before"),
            after: workspace::head(script, exits, "after"),
        };
        let nothing_staged = script.ok(exits, "staged");
        let committed = self.commit.is_none() || nothing_staged || script.ok(exits, "commit");
        if script.ok(exits, "act") && committed {
            return Ok(changed);
        }
        let conflicts = conflict::read(script.exit(exits, "conflicts"));
        let state = unfinished::read(script.exit(exits, "state"));
        let whole = changed.before == changed.after && (state.is_none() || script.ok(exits, "undo"));
        let open = state.filter(|_| self.on_conflict == OnConflict::Keep);
        let touched = match (&open, whole) {
            (Some(_), _) => SideEffect::Applied,
            (None, true) => SideEffect::None,
            (None, false) => SideEffect::Unknown,
        };
        let failure = if !conflicts.is_empty() {
            conflict::failure(&conflicts, open.as_ref())
        } else if let Some(commit) = empty(unfinished::read(script.exit(exits, "state")), nothing_staged) {
            commit
        } else {
            let refused = ["act", "commit"].iter().filter_map(|name| script.exit(exits, name));
            refusal(refused.into_iter().find(|exit| !exit.ok()))
        };
        Err(Box::new(Failure { side_effect: touched, ..failure }))
    }

    fn stopped(&self, at: &str, exits: &Exits) -> Failure {
        let exit = exits.last();
        match at {
            "before" => match classify(exits, SideEffect::None) {
                failure if failure.code == codes::REF_NOT_FOUND => {
                    Failure::new(codes::EMPTY_REPOSITORY, "There is no commit yet.")
                }
                failure => failure,
            },
            "progress" => unfinished::refused(exit),
            "unmerged" => commit::unmerged(exit),
            "clean" | "index" if exit.is_some_and(|exit| exit.code == 1) => {
                Failure::new(codes::LOCAL_CHANGES_OVERWRITTEN, "There are changes that are not committed.")
            }
            _ => {
                let begun = exits.steps.len() > self.before.len();
                let touched = if begun { SideEffect::Unknown } else { SideEffect::None };
                resolve::stopped(exits, &self.names).unwrap_or_else(|| classify(exits, touched))
            }
        }
    }
}

/// What git says of a step that it refused. Of a revert that would change nothing it leaves no mark.
pub(crate) fn refusal(exit: Option<&Exit>) -> Failure {
    let failure = classify_exit(&exit.cloned().unwrap_or_default(), SideEffect::None);
    if failure.code != codes::NOTHING_TO_COMMIT {
        return failure;
    }
    Failure::new(codes::EMPTY_CHANGE, "The commit changes nothing here.")
}

/// The failure of a commit that changes nothing here: git stopped at it, and nothing is staged.
pub(crate) fn empty(state: Option<State>, nothing_staged: bool) -> Option<Failure> {
    let state =
        state.filter(|state| nothing_staged && matches!(state.kind, Kind::CherryPick | Kind::Revert))?;
    let commit = state.progress.commit?;
    let message = format!("Commit {commit} changes nothing here.");
    let output = serde_json::json!({"commit": commit, "in_progress": state.kind.name()});
    Some(Failure { output: Some(output), ..Failure::new(codes::EMPTY_CHANGE, message) })
}
