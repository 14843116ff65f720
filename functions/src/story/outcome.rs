//! From what was done to what is recorded and answered.

use std::time::Duration;

use gitledger_events::operation::{OperationFailed, OperationSucceeded, Timing};
use gitledger_events::sandbox::WorkspaceOpened;
use gitledger_events::{Actor, Elapsed, Fact};
use gitledger_operations::declaration::Answered;
use gitledger_operations::record::Found;
use gitledger_operations::{Context, Decision, Done, Failure};
use serde_json::Value;
use uuid::Uuid;

use super::running::Running;
use crate::{Answer, Refusal};

/// The most output that an event keeps, in bytes of JSON. A larger answer is given and not recorded.
const RECORDED_BYTES_MAX: usize = 64 * 1024;

/// What came of the rounds.
pub struct Work {
    /// How it ended.
    pub end: End,
    /// Where it ran.
    pub sandbox_id: Option<String>,
    /// Time in the sandbox.
    pub git: Duration,
    /// Time until there was a sandbox.
    pub wait: Duration,
    /// Bytes that git printed.
    pub bytes: u64,
}

/// How the rounds ended.
pub enum End {
    /// Done.
    Done(Box<Done<Answered>>),
    /// git or the platform said no.
    Failed(Box<Failure>),
    /// The answer of something that may have happened was lost. There is no outcome yet; the reaper asks
    /// the remote.
    Unknown,
    /// Not at all yet: somebody else goes on with it.
    Deferred,
}

impl Work {
    /// A failure before anything ran.
    pub fn refused(failure: Failure) -> Self {
        Self { end: End::Failed(Box::new(failure)), ..Self::nothing() }
    }

    /// Nothing ran.
    pub fn nothing() -> Self {
        Self { end: End::Unknown, sandbox_id: None, git: Duration::ZERO, wait: Duration::ZERO, bytes: 0 }
    }

    /// What an operation that runs nothing makes of what was found for it.
    pub(crate) fn decided(running: &Running<'_>, found: &Found) -> Result<Self, Refusal> {
        let world = running.world;
        let context = Context {
            operation_id: running.request.operation_id,
            actor: &Actor::default(),
            sandbox_id: "",
            workspace: None,
            remotes: &world.remotes,
            policy: &world.policy,
            requested_at: running.requested_at,
            found,
            envelope: gitledger_operations::Envelope::NONE,
            jitter: 0.0,
        };
        match running.asked.decide(&context, &[]) {
            Decision::Done(done) => Ok(Self { end: End::Done(done), ..Self::nothing() }),
            Decision::Failed(failure) => Ok(Self::refused(*failure)),
            Decision::Run { .. } => {
                Err(Refusal::Fault("an operation without a sandbox runs a plan".to_owned()))
            }
        }
    }

    /// The working copy that is now in the sandbox, if this made one.
    pub fn opened(&self) -> Option<&WorkspaceOpened> {
        match &self.end {
            End::Done(done) => done.opened.as_ref(),
            End::Failed(_) | End::Unknown | End::Deferred => None,
        }
    }

    /// The answer, and the facts that end the operation's stream.
    pub(crate) fn settle(self, running: &Running<'_>, operation_id: Uuid) -> (Answer, Vec<Fact>) {
        let name = running.declaration.name;
        let timing = Timing {
            duration_ms: running.started.elapsed().into(),
            git_ms: self.git.into(),
            sandbox_wait_ms: self.wait.into(),
        };
        match self.end {
            End::Unknown | End::Deferred => {
                let message = "the answer was lost; the remote will be asked what became of it";
                (Answer::unknown(operation_id, name, message), Vec::new())
            }
            End::Failed(failure) => {
                let facts = failure.facts.clone();
                let outcome = failed(*failure, self.sandbox_id, timing);
                answered(operation_id, name, facts, outcome.into(), None)
            }
            End::Done(done) => {
                let (output, recorded) = kept(running, done.output);
                let outcome = OperationSucceeded {
                    sandbox_id: self.sandbox_id,
                    timing,
                    head_before: done.head_before,
                    head_after: done.head_after,
                    refs_changed: done.refs_changed,
                    bytes: self.bytes,
                    output: recorded,
                    recovered: false,
                };
                answered(operation_id, name, done.facts, outcome.into(), Some(output))
            }
        }
    }
}

/// The answer, and what the ledger keeps of it: under a caller's key the whole or nothing, because a repeat
/// must get the same; else a summary, so that a status every second does not fill the ledger.
fn kept(running: &Running<'_>, answered: Answered) -> (Value, Option<Value>) {
    let Answered { output, recorded } = answered;
    let whole = running.request.keyed && !running.declaration.shows_contents;
    let recorded = if whole { Some(output.clone()) } else { recorded };
    (output, recorded.filter(fits))
}

/// Whether an event may hold it.
pub(crate) fn fits(value: &Value) -> bool {
    value.to_string().len() <= RECORDED_BYTES_MAX
}

/// A failure as a fact. What never reached a sandbox took no time there, and is not in the histograms.
pub(crate) fn failed(failure: Failure, sandbox_id: Option<String>, timing: Timing) -> OperationFailed {
    let started = timing.git_ms > Elapsed::ZERO || timing.sandbox_wait_ms > Elapsed::ZERO;
    OperationFailed {
        sandbox_id,
        timing: if started { timing } else { Timing::default() },
        code: failure.code.name.to_owned(),
        error_type: failure.code.error_type.as_str().to_owned(),
        retryable: failure.code.retryable,
        side_effect: failure.side_effect,
        message: failure.message,
        remedy: failure.code.remedy.map(str::to_owned),
        output: failure.output,
        recovered: false,
    }
}

fn answered(
    operation_id: Uuid,
    name: &str,
    mut facts: Vec<Fact>,
    outcome: Fact,
    output: Option<Value>,
) -> (Answer, Vec<Fact>) {
    let unknown = || Answer::unknown(operation_id, name, "");
    let mut answer = Answer::from_outcome(operation_id, name, &outcome).unwrap_or_else(unknown);
    answer.output = output;
    facts.push(outcome);
    (answer, facts)
}
