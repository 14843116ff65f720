//! A plan's steps with names, so that its reading does not count them.
//!
//! A decision is pure: the script that was run is built again from the same input, and the exits are read
//! by its names.

use std::time::Duration;

use gitledger_events::operation::SideEffect;

use crate::clean_room::CREDENTIAL;
use crate::failure::classify;
use crate::plan::Ended;
use crate::{Budget, Context, Exit, Exits, Failure, Plan, Remote, Step};

/// The part of a budget that is kept for what comes after git: stopping it, and the outcome's append.
const RESERVE: Duration = Duration::from_secs(5);
/// No plan gets less.
const LEAST: Duration = Duration::from_secs(1);

/// Steps in order, each with a name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    steps: Vec<(&'static str, Step)>,
}

impl Script {
    /// One more step.
    pub(crate) fn step(mut self, name: &'static str, step: Step) -> Self {
        self.steps.push((name, step));
        self
    }

    /// One more step, if there is one.
    pub(crate) fn maybe(self, name: &'static str, step: Option<Step>) -> Self {
        match step {
            Some(step) => self.step(name, step),
            None => self,
        }
    }

    /// These steps after the others.
    pub(crate) fn then(mut self, more: Self) -> Self {
        self.steps.extend(more.steps);
        self
    }

    /// How many steps there are: the number of the next one, for [`Step::given`].
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// A plan that only reads the workspace.
    pub(crate) fn reading(self, context: &Context<'_>, budget: Budget, before: &[Exits]) -> Plan {
        let argv = |(_, step)| step;
        Plan {
            steps: self.steps.into_iter().map(argv).collect(),
            env: ceiling(context),
            timeout: remaining(budget, before),
            output_bytes: budget.output_bytes,
            ..Plan::default()
        }
    }

    /// A plan that may write to the workspace.
    pub(crate) fn writing(self, context: &Context<'_>, budget: Budget, before: &[Exits]) -> Plan {
        Plan { writes: true, ..self.reading(context, budget, before) }
    }

    /// A plan that may write to the workspace and talks to a remote.
    pub(crate) fn talking(
        self,
        context: &Context<'_>,
        remote: &Remote,
        budget: Budget,
        before: &[Exits],
    ) -> Plan {
        Plan {
            scratch: Some(scratch(context)),
            remote: Some(remote.clone()),
            credential: Some(context.scratch(CREDENTIAL)),
            ..self.writing(context, budget, before)
        }
    }

    /// How the step of this name ended, if it ran.
    pub(crate) fn exit<'e>(&self, exits: &'e Exits, name: &str) -> Option<&'e Exit> {
        let index = self.steps.iter().position(|(step, _)| *step == name)?;
        exits.get(index)
    }

    /// What the step of this name printed, as one line; `None` when it failed, did not run or said nothing.
    pub(crate) fn line(&self, exits: &Exits, name: &str) -> Option<String> {
        let exit = self.exit(exits, name).filter(|exit| exit.ok())?;
        Some(exit.line()).filter(|line| !line.is_empty())
    }

    /// True when the step of this name ran and exited with 0.
    pub(crate) fn ok(&self, exits: &Exits, name: &str) -> bool {
        self.exit(exits, name).is_some_and(Exit::ok)
    }

    /// The name of the step at which the plan stopped early; empty when it was stopped from outside before
    /// any step ended. `None` when everything that was to run has run.
    pub(crate) fn stopped_at(&self, exits: &Exits) -> Option<&'static str> {
        let last = exits.steps.len().checked_sub(1);
        let at = last.and_then(|last| self.steps.get(last));
        let complete = exits.steps.len() >= self.steps.len() && exits.ended == Ended::Normally;
        let fine = at.is_none_or(|(_, step)| step.may_fail) || exits.last().is_some_and(Exit::ok);
        if complete && fine { None } else { Some(at.map_or("", |(name, _)| *name)) }
    }

    /// The failure of the step at which the plan stopped early, if it did.
    pub(crate) fn failure(&self, exits: &Exits, touched: SideEffect) -> Option<Failure> {
        self.stopped_at(exits).map(|_| classify(exits, touched))
    }
}

/// The operation's directory in the sandbox's memory.
pub(crate) fn scratch(context: &Context<'_>) -> String {
    context.scratch("").trim_end_matches('/').to_owned()
}

/// What is left of a budget after the plans that ran.
pub(crate) fn remaining(budget: Budget, before: &[Exits]) -> Duration {
    let spent: Duration = before.iter().map(|exits| exits.elapsed).sum();
    budget.time.saturating_sub(RESERVE).saturating_sub(spent).max(LEAST)
}

/// git looks for a repository in the workspace and not above it.
fn ceiling(context: &Context<'_>) -> Vec<(String, String)> {
    let parent = context.workspace.and_then(|workspace| workspace.path.rsplit_once('/'));
    match parent {
        Some((above, _)) if !above.is_empty() && !above.contains(':') => {
            vec![("GIT_CEILING_DIRECTORIES".to_owned(), above.to_owned())]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exits(codes: &[i32]) -> Exits {
        let exit = |code: &i32| Exit { code: *code, ..Exit::default() };
        Exits {
            steps: codes.iter().map(exit).collect(),
            ended: Ended::Normally,
            elapsed: Duration::from_secs(1),
        }
    }

    fn script() -> Script {
        Script::default()
            .step("a", Step::git(["a"]))
            .step("b", Step::git(["b"]).may_fail())
            .step("c", Step::git(["c"]))
    }

    #[test]
    fn a_script_knows_where_it_stopped() {
        assert_eq!(script().stopped_at(&exits(&[0, 1, 0])), None);
        assert_eq!(script().stopped_at(&exits(&[0, 1, 1])), Some("c"));
        assert_eq!(script().stopped_at(&exits(&[1])), Some("a"));
        assert_eq!(script().stopped_at(&exits(&[])), Some(""));
        let killed = Exits { ended: Ended::Killed, ..exits(&[0, 0, 0]) };
        assert_eq!(script().stopped_at(&killed), Some("c"));
    }

    #[test]
    fn later_rounds_get_what_the_earlier_ones_left() {
        let budget = Budget { time: Duration::from_secs(10), output_bytes: 1 };
        assert_eq!(remaining(budget, &[exits(&[]), exits(&[])]), Duration::from_secs(3));
        assert_eq!(remaining(budget, &vec![exits(&[]); 9]), LEAST);
    }
}
