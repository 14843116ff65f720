//! What an operation decides: run this, done, or failed.

use std::time::Duration;

use gitledger_events::Fact;
use gitledger_events::operation::{RefChange, SideEffect};
use gitledger_events::sandbox::WorkspaceOpened;
use serde_json::Value;

use crate::{Code, Plan};

/// What happens next.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // `Run` is large and is by far the most frequent
pub enum Decision<O> {
    /// Append these facts, wait this long, run this plan.
    Run {
        /// Appended to the operation's stream, durably, before the plan is started.
        announce: Vec<Fact>,
        /// Waited before.
        after: Duration,
        /// What is run.
        plan: Plan,
    },
    /// It is done.
    Done(Box<Done<O>>),
    /// It failed.
    Failed(Box<Failure>),
}

impl<O> Decision<O> {
    /// Run a plan at once.
    pub fn run(plan: Plan) -> Self {
        Self::Run { announce: Vec::new(), after: Duration::ZERO, plan }
    }

    /// The same decision with another answer.
    pub fn map<P>(self, change: impl FnOnce(O) -> P) -> Decision<P> {
        match self {
            Self::Run { announce, after, plan } => Decision::Run { announce, after, plan },
            Self::Done(done) => done.map(change).into(),
            Self::Failed(failure) => Decision::Failed(failure),
        }
    }
}

impl<O> From<Failure> for Decision<O> {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl<O> From<Box<Failure>> for Decision<O> {
    fn from(failure: Box<Failure>) -> Self {
        Self::Failed(failure)
    }
}

impl<O> From<Done<O>> for Decision<O> {
    fn from(done: Done<O>) -> Self {
        Self::Done(Box::new(done))
    }
}

/// A success and what is to be recorded of it.
#[derive(Debug, Default)]
pub struct Done<O> {
    /// The answer.
    pub output: O,
    /// HEAD before, where it matters.
    pub head_before: Option<String>,
    /// HEAD after, where it matters.
    pub head_after: Option<String>,
    /// References that moved.
    pub refs_changed: Vec<RefChange>,
    /// Appended together with the outcome, before it.
    pub facts: Vec<Fact>,
    /// Appended to the sandbox's stream together with the release.
    pub opened: Option<WorkspaceOpened>,
}

impl<O> Done<O> {
    /// A success of which there is nothing more to record than its answer.
    pub fn with(output: O) -> Self {
        Self {
            output,
            head_before: None,
            head_after: None,
            refs_changed: Vec::new(),
            facts: Vec::new(),
            opened: None,
        }
    }

    /// The same success with another answer.
    pub fn map<P>(self, change: impl FnOnce(O) -> P) -> Done<P> {
        Done {
            output: change(self.output),
            head_before: self.head_before,
            head_after: self.head_after,
            refs_changed: self.refs_changed,
            facts: self.facts,
            opened: self.opened,
        }
    }
}

/// git said no. An answer, not an error. But with the code `unknown-outcome` it is no end: a push may have
/// landed or may yet, so no outcome is recorded, and the remote is asked later.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Why, from the one table.
    pub code: Code,
    /// What is left behind.
    pub side_effect: SideEffect,
    /// For people: what git said, redacted and capped.
    pub message: String,
    /// What the failure has to show, for example the conflicting paths.
    pub output: Option<Value>,
    /// Appended together with the outcome, before it.
    pub facts: Vec<Fact>,
}

impl Failure {
    /// A failure that changed nothing. Names from outside may stand in the message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = crate::check::text::printable(&message.into());
        Self { code, side_effect: SideEffect::None, message, output: None, facts: Vec::new() }
    }
}
