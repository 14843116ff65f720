//! `operation-get`: one operation as the ledger has it.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{OperationRecord, Wants};
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, record};

/// Tells what became of an operation: what was asked, what happened, how it ended and which references moved.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationGet {
    /// The operation.
    pub id: Uuid,
}

/// The operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationGetOutput {
    /// All that the ledger has of it.
    pub record: OperationRecord,
}

impl Operation for OperationGet {
    const NAME: &'static str = "operation-get";
    const EFFECT: Effect = Effect::Reads;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"id": "01920000-0000-7000-8000-000000000001"}"#;
    const IN_WORKSPACE: bool = false;
    type Output = OperationGetOutput;

    fn place(&self) -> Place<'_> {
        Place::Ledger
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        Ok(())
    }

    fn wants(&self) -> Wants {
        Wants::Operation(self.id)
    }

    fn decide(&self, context: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        match record::found(context, self.id) {
            Ok(record) => Done::with(OperationGetOutput { record: record.clone() }).into(),
            Err(failure) => failure.into(),
        }
    }
}
