//! The answer of an operation, the same from the function that did it and from the ledger afterwards.

use gitledger_events::operation::{
    OperationAbandoned, OperationFailed, OperationRequested, OperationSucceeded, RefChange, SideEffect,
    Timing,
};
use gitledger_events::{Elapsed, Fact, Record};
use gitledger_operations::Code;
use gitledger_operations::failure::codes;
use gitledger_projections::cost::{NanoDollars, Prices, ResourceTime, SandboxUsage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::access::Principal;

/// How an operation ended, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Done.
    Succeeded,
    /// git or the platform said no.
    Failed,
    /// Not known, or not known yet: ask `GET /operations/{id}`.
    Unknown,
}

/// What the caller gets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The operation.
    pub operation_id: Uuid,
    /// Its name.
    pub operation: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The output, of a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// The failure, otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureAnswer>,
    /// HEAD before, where the operation tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_before: Option<String>,
    /// HEAD after, where the operation tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_after: Option<String>,
    /// References that moved, in the workspace or at the remote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs_changed: Vec<RefChange>,
    /// Where the time went.
    pub timing: AnswerTiming,
    /// What its time in the sandbox costs at the price lists in use.
    pub cost: Cost,
    /// True when this is the recorded answer of an earlier request with the same key.
    pub replayed: bool,
}

/// A failure, for the caller to act on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailureAnswer {
    /// Stable, from one table.
    #[schemars(extend("enum" = code_names()))]
    pub code: String,
    /// The original's coarse class.
    pub error_type: String,
    /// Whether the same request may work later.
    pub retryable: bool,
    /// What is left behind.
    pub side_effect: SideEffect,
    /// For people.
    pub message: String,
    /// What to do, where there is something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What the failure has to show, for example the conflicting paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// Milliseconds, to the microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerTiming {
    /// From the request to its outcome.
    pub total_ms: Elapsed,
    /// Waiting for a sandbox.
    pub wait_ms: Elapsed,
    /// In the sandbox, running git.
    pub git_ms: Elapsed,
}

/// What an operation used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Time in the sandbox.
    pub sandbox_ms: Elapsed,
    /// That time at E2B's list price for the default sandbox, in billionths of a dollar.
    #[schemars(with = "u64")]
    pub nano_dollars: NanoDollars,
}

impl Answer {
    /// The answer that an outcome event gives, now and ever after.
    pub fn from_outcome(operation_id: Uuid, operation: &str, fact: &Fact) -> Option<Self> {
        let mut answer = Self::unknown(operation_id, operation, "");
        answer.failure = None;
        match fact {
            Fact::OperationSucceeded(done) => answer.succeed(done),
            Fact::OperationFailed(failed) => answer.fail(failed),
            Fact::OperationAbandoned(abandoned) => answer.abandon(abandoned),
            _ => return None,
        }
        Some(answer)
    }

    /// The recorded answer of an operation's stream; `None` while there is no outcome.
    pub fn of_stream(operation_id: Uuid, records: &[Record]) -> Option<Self> {
        let name = records.first()?.operation.clone().unwrap_or_default();
        let facts = records.iter().rev().filter_map(|record| record.fact().ok());
        facts.into_iter().find_map(|fact| Self::from_outcome(operation_id, &name, &fact))
    }

    /// What is told of an operation to whoever asks for its record: its answer, or that there is none yet. `None`
    /// where there is no such operation, or the key may not see it.
    pub fn shown(operation_id: Uuid, records: &[Record], principal: &Principal) -> Option<Self> {
        let first = records.first()?;
        if !principal.may_see(first.actor.key_id.as_deref(), first.repo.as_ref()) {
            return None;
        }
        let name = first.operation.as_deref().unwrap_or_default();
        let open = || Self::unknown(operation_id, name, "the operation has not ended yet");
        Some(Self::of_stream(operation_id, records).unwrap_or_else(open))
    }

    /// An operation whose end is not known.
    pub fn unknown(operation_id: Uuid, operation: &str, message: &str) -> Self {
        Self {
            operation_id,
            operation: operation.to_owned(),
            outcome: Outcome::Unknown,
            output: None,
            failure: Some(FailureAnswer::of(codes::UNKNOWN_OUTCOME, SideEffect::Unknown, message)),
            head_before: None,
            head_after: None,
            refs_changed: Vec::new(),
            timing: AnswerTiming::default(),
            cost: Cost::default(),
            replayed: false,
        }
    }

    fn succeed(&mut self, done: &OperationSucceeded) {
        self.outcome = Outcome::Succeeded;
        self.output.clone_from(&done.output);
        self.head_before.clone_from(&done.head_before);
        self.head_after.clone_from(&done.head_after);
        self.refs_changed.clone_from(&done.refs_changed);
        self.spent(&done.timing);
    }

    fn fail(&mut self, failed: &OperationFailed) {
        self.outcome = Outcome::Failed;
        self.failure = Some(FailureAnswer {
            code: failed.code.clone(),
            error_type: failed.error_type.clone(),
            retryable: failed.retryable,
            side_effect: failed.side_effect,
            message: failed.message.clone(),
            remedy: failed.remedy.clone(),
            output: failed.output.clone(),
        });
        self.spent(&failed.timing);
    }

    fn abandon(&mut self, abandoned: &OperationAbandoned) {
        let known = abandoned.side_effect != SideEffect::Unknown;
        let code = if known { codes::SANDBOX_LOST } else { codes::UNKNOWN_OUTCOME };
        self.outcome = if known { Outcome::Failed } else { Outcome::Unknown };
        self.failure = Some(FailureAnswer::of(code, abandoned.side_effect, &abandoned.reason));
    }

    fn spent(&mut self, timing: &Timing) {
        self.timing = AnswerTiming {
            total_ms: timing.duration_ms,
            wait_ms: timing.sandbox_wait_ms,
            git_ms: timing.git_ms,
        };
        self.cost = Cost { sandbox_ms: timing.git_ms, nano_dollars: NanoDollars::ZERO };
    }

    /// Says what its own work cost on a day (since 1970, UTC) in a sandbox of the default size; what it is charged with
    /// in the end, with its share of idle time, is told by `gitledger cost`.
    #[must_use]
    pub fn priced(mut self, prices: &Prices, day: i64) -> Self {
        let time = ResourceTime::from(SandboxUsage::default_size(self.cost.sandbox_ms));
        self.cost.nano_dollars = prices.exact(day, &time.into()).rounded();
        self
    }
}

impl FailureAnswer {
    /// A failure by its code.
    pub fn of(code: Code, side_effect: SideEffect, message: &str) -> Self {
        Self {
            code: code.name.to_owned(),
            error_type: code.error_type.as_str().to_owned(),
            retryable: code.retryable,
            side_effect,
            message: message.to_owned(),
            remedy: code.remedy.map(str::to_owned),
            output: None,
        }
    }
}

/// Every code that there is.
fn code_names() -> Vec<&'static str> {
    gitledger_operations::failure::CODES.iter().map(|code| code.name).collect()
}

/// The intent at the head of an operation's stream.
pub fn requested(records: &[Record]) -> Option<OperationRequested> {
    match records.first()?.fact() {
        Ok(Fact::OperationRequested(requested)) => Some(requested),
        _ => None,
    }
}
