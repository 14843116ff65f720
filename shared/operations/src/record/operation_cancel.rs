//! `operation-cancel`: stops an operation that is under way.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Found, State, Wants};
use crate::failure::codes;
use crate::{Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, record};

/// Stops an operation that is under way: git is asked to end (SIGTERM) and cleans up behind itself. The
/// operation then ends with the code `cancelled`, or with its own outcome when that came first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationCancel {
    /// The operation.
    pub id: Uuid,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationCancelOutput {
    /// The operation.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// True when it was told to stop; its outcome follows.
    pub cancelling: bool,
}

impl Operation for OperationCancel {
    const NAME: &'static str = "operation-cancel";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"id": "01920000-0000-7000-8000-000000000001"}"#;
    const IN_WORKSPACE: bool = false;
    type Output = OperationCancelOutput;

    fn place(&self) -> Place<'_> {
        Place::Ledger
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        Ok(())
    }

    fn wants(&self) -> Wants {
        Wants::Stop(self.id)
    }

    fn decide(&self, context: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        let record = match record::found(context, self.id) {
            Ok(record) => record,
            Err(failure) => return failure.into(),
        };
        let told = matches!(context.found, Found::Stopped(_, true));
        if record.state != State::Running {
            let message = format!("{} {} has ended.", record.operation, self.id);
            return Failure::new(codes::NOT_RUNNING, message).into();
        }
        if !told {
            let message = format!(
                "{} {} is between two steps, or its function has died; nothing of it runs now.",
                record.operation, self.id
            );
            return Failure::new(codes::NOT_RUNNING, message).into();
        }
        let name = record.operation.clone();
        Done::with(OperationCancelOutput { id: self.id, name, cancelling: true }).into()
    }
}
