//! `sequencer`: goes on with what is not finished, or gives it up.

use std::collections::BTreeMap;

use gitledger_events::operation::{Effect, RefChange, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::script::Script;
use super::unfinished::{self, Kind, Progress, State};
use super::workspace::{self, Head};
use super::{attempt, conflict, staging};
use crate::failure::{classify, codes};
use crate::plan::Ended;
use crate::{
    Budget, Context, Decision, Done, Exit, Exits, Failure, Operation, Place, Rejection, Remotes, Step,
};

/// Goes on with a merge, rebase, cherry-pick or revert that is not finished, whichever it is: when its
/// conflicts are resolved, without the commit at hand, or not at all.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sequencer {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// What is done.
    pub action: SequencerAction,
}

/// What is done with something that is not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SequencerAction {
    /// Commit what is resolved, and go on with what comes next.
    Continue,
    /// Leave the commit at hand out, and go on with what comes next. Not for a merge.
    Skip,
    /// Put the branch and its files back to where they were before it began.
    Abort,
    /// Forget that it began, and leave everything as it is now.
    Quit,
}

/// How it went on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SequencerOutput {
    /// What was not finished: `merge`, `rebase`, `cherry-pick` or `revert`.
    pub operation: String,
    /// HEAD now.
    pub head: Option<String>,
    /// The branch; `None` when HEAD is detached.
    pub branch: Option<String>,
    /// True when HEAD moved.
    pub changed: bool,
    /// What is not finished still. `None` when it is over.
    pub in_progress: Option<String>,
    /// How far that has come.
    pub progress: Option<Progress>,
}

impl Operation for Sequencer {
    const NAME: &'static str = "sequencer";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "action": "continue"}"#;
    type Output = SequencerOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)
    }

    /// What was resolved so far is given up.
    fn endangers_files(&self) -> bool {
        matches!(self.action, SequencerAction::Skip | SequencerAction::Abort)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let look = look_script();
        let Some(looked) = rounds.first() else {
            return Decision::run(look.writing(context, Self::BUDGET, rounds));
        };
        if let Some(failure) = look.failure(looked, SideEffect::None) {
            return failure.into();
        }
        let state = match self.possible(&look, looked) {
            Ok(state) => state,
            Err(failure) => return failure.into(),
        };
        let script = self.script(state.kind);
        match rounds.get(1) {
            None => {
                let mut plan = script.writing(context, Self::BUDGET, rounds);
                plan.env.extend(staging::identity(context, None, None));
                Decision::run(plan)
            }
            Some(exits) if exits.ended != Ended::Normally => classify(exits, SideEffect::Unknown).into(),
            Some(exits) => {
                let before = workspace::head(&look, looked, "before");
                read(&script, exits, &state, &before)
            }
        }
    }
}

fn look_script() -> Script {
    Script::default()
        .step("before", workspace::head_step())
        .step("conflicts", Step { may_fail: false, ..conflict::list_step() })
        .step("state", unfinished::step())
}

impl Sequencer {
    /// What is not finished, if this can be done with it.
    fn possible(&self, look: &Script, looked: &Exits) -> Result<State, Box<Failure>> {
        let state = unfinished::read(look.exit(looked, "state")).filter(|state| state.kind != Kind::Bisect);
        let Some(state) = state else {
            let message = "Nothing is unfinished here.";
            return Err(Box::new(Failure::new(codes::NO_OPERATION_IN_PROGRESS, message)));
        };
        if state.kind == Kind::Merge && self.action == SequencerAction::Skip {
            let message = "A merge is one commit, so there is nothing to skip to.";
            return Err(Box::new(Failure::new(codes::ACTION_NOT_POSSIBLE, message)));
        }
        let conflicts = conflict::read(look.exit(looked, "conflicts"));
        if self.action == SequencerAction::Continue && !conflicts.is_empty() {
            let output = json!({
                "conflicts": conflict::told(&conflicts),
                "conflicts_total": conflicts.len(),
                "in_progress": state.kind.name(),
            });
            let message = format!("{} files with conflicts are not resolved.", conflicts.len());
            let failure = Failure::new(codes::UNMERGED_PATHS, message);
            return Err(Box::new(Failure { output: Some(output), ..failure }));
        }
        Ok(state)
    }

    /// A rebase can move more branches than its own, so all of them are looked at.
    fn script(&self, kind: Kind) -> Script {
        Script::default()
            .step("branches", branches_step())
            .step("act", self.act(kind).may_fail())
            .step("conflicts", conflict::list_step())
            .step("staged", staging::staged_step())
            .step("state", unfinished::step())
            .step("after", workspace::head_step())
            .step("moved", branches_step())
    }

    fn act(&self, kind: Kind) -> Step {
        match self.action {
            // git's own `merge --continue` is this, less the flags.
            SequencerAction::Continue if kind == Kind::Merge => Step::git([
                "commit",
                "--quiet",
                "--no-edit",
                "--no-verify",
                "--no-gpg-sign",
                "--cleanup=strip",
                "--no-status",
            ]),
            SequencerAction::Continue => Step::git([kind.name(), "--continue"]),
            SequencerAction::Skip => Step::git([kind.name(), "--skip"]),
            SequencerAction::Abort => Step::git([kind.name(), "--abort"]),
            SequencerAction::Quit => Step::git([kind.name(), "--quit"]),
        }
    }
}

fn branches_step() -> Step {
    Step::git(["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/"])
}

/// The branches that moved between two lists of them.
fn moved(before: Option<&Exit>, after: Option<&Exit>) -> Vec<RefChange> {
    let list = |exit: Option<&Exit>| -> BTreeMap<String, String> {
        let text = exit.map(Exit::text).unwrap_or_default();
        let pair = |line: &str| line.split_once(' ').map(|(name, oid)| (name.to_owned(), oid.to_owned()));
        text.lines().filter_map(pair).collect()
    };
    let (before, after) = (list(before), list(after));
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let change = |name: &String| RefChange {
        name: name.clone(),
        old: before.get(name).cloned(),
        new: after.get(name).cloned(),
    };
    names.into_iter().map(change).filter(|change| change.old != change.new).collect()
}

fn read(script: &Script, exits: &Exits, was: &State, before: &Head) -> Decision<SequencerOutput> {
    if let Some(failure) = script.failure(exits, SideEffect::Unknown) {
        return failure.into();
    }
    let after = workspace::head(script, exits, "after");
    let state = unfinished::read(script.exit(exits, "state"));
    if !script.ok(exits, "act") {
        return refused(script, exits, state.as_ref(), state.as_ref() == Some(was) && *before == after)
            .into();
    }
    Done {
        head_before: before.oid.clone(),
        head_after: after.oid.clone(),
        refs_changed: moved(script.exit(exits, "branches"), script.exit(exits, "moved")),
        ..Done::with(SequencerOutput {
            operation: was.kind.name().to_owned(),
            changed: before.oid != after.oid,
            head: after.oid,
            branch: after.branch,
            in_progress: state.as_ref().map(|state| state.kind.name().to_owned()),
            progress: state.map(|state| state.progress),
        })
    }
    .into()
}

/// The next commit does not fit either, or changes nothing, or git refuses. `same`: nothing has moved.
fn refused(script: &Script, exits: &Exits, state: Option<&State>, same: bool) -> Failure {
    let touched = if same { SideEffect::None } else { SideEffect::Applied };
    let conflicts = conflict::read(script.exit(exits, "conflicts"));
    if !conflicts.is_empty() {
        return conflict::failure(&conflicts, state);
    }
    let empty = attempt::empty(state.cloned(), script.ok(exits, "staged"));
    let failure = empty.unwrap_or_else(|| attempt::refusal(script.exit(exits, "act")));
    Failure { side_effect: touched, ..failure }
}
