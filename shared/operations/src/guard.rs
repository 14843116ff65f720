//! What is put before an operation's first plan because its envelope asks for it, or because it endangers
//! files: all in the plan's own round trip.

use std::borrow::Cow;

use gitledger_events::operation::RefChange;
use serde_json::json;

use crate::failure::{classify, codes};
use crate::plan::{Ended, Input};
use crate::{Context, Exits, Failure, Plan, Step, snapshot};

/// What is put before.
pub(crate) struct Guard<'a> {
    /// HEAD must be there.
    pub(crate) expected_head: Option<&'a str>,
    /// Files and what is staged are kept.
    pub(crate) snapshot: bool,
    /// The operation has the workspace for itself.
    pub(crate) writes: bool,
}

impl Guard<'_> {
    fn steps(&self, context: &Context<'_>) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Some(expected) = self.expected_head {
            steps.push(head_step());
            if self.writes {
                // Ends the plan, before anything is done. It locks, and so it is not for reads.
                let verify = Input::Text(format!("verify HEAD {expected}\n"));
                steps.push(Step::git(["update-ref", "--stdin"]).reading(verify));
            }
        }
        if self.snapshot {
            steps.extend(snapshot::steps(context, steps.len()));
        }
        steps
    }

    /// The first plan with the guard's steps before its own.
    pub(crate) fn around(&self, context: &Context<'_>, mut plan: Plan) -> Plan {
        let mut steps = self.steps(context);
        let before = steps.len();
        for step in &mut plan.steps {
            step.given.iter_mut().for_each(|given| given.step += before);
        }
        steps.append(&mut plan.steps);
        if self.snapshot {
            snapshot::prepare(context, &mut plan);
        }
        Plan { steps, ..plan }
    }

    #[allow(clippy::type_complexity)] // two results of one look
    /// The rounds as the operation knows them, and what the guard's own steps have changed.
    pub(crate) fn passed<'r>(
        &self,
        context: &Context<'_>,
        rounds: &'r [Exits],
    ) -> Result<(Cow<'r, [Exits]>, Option<RefChange>), Box<Failure>> {
        let before = self.steps(context).len();
        let Some(first) = rounds.first().filter(|_| before > 0) else {
            return Ok((Cow::Borrowed(rounds), None));
        };
        if let Some(expected) = self.expected_head {
            let actual = first.get(0).map(crate::Exit::line).unwrap_or_default();
            if actual != expected && first.ended == Ended::Normally {
                return Err(Box::new(moved(expected, &actual)));
            }
        }
        let stopped = first.steps.len() < before
            || (first.steps.len() == before && first.last().is_some_and(|exit| !exit.ok()));
        if stopped {
            return Err(Box::new(classify(first, gitledger_events::operation::SideEffect::None)));
        }
        let kept = if self.snapshot { snapshot::kept(context, &first.steps[..before]) } else { None };
        let mut rounds = rounds.to_vec();
        rounds[0].steps.drain(..before);
        Ok((Cow::Owned(rounds), kept))
    }
}

fn head_step() -> Step {
    Step::git(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).may_fail()
}

fn moved(expected: &str, actual: &str) -> Failure {
    let message = match actual {
        "" => format!("HEAD was expected at {expected}, but there is no commit yet."),
        actual => format!("HEAD was expected at {expected}, but it is at {actual}."),
    };
    let output = json!({"expected_head": expected, "head": (!actual.is_empty()).then_some(actual)});
    Failure { output: Some(output), ..Failure::new(codes::HEAD_MOVED, message) }
}
