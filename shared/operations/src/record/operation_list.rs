//! `operation-list`: the newest operations.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Found, OperationRecord, State, Wants};
use crate::page::Page;
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, check};

/// Lists the newest operations, the newest first. Without filters all of them, those under way included.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationList {
    /// Only those of this sandbox.
    #[serde(default)]
    pub sandbox_id: Option<String>,
    /// Only those of this agent.
    #[serde(default)]
    pub agent_id: Option<String>,
    /// Only those of this task.
    #[serde(default)]
    pub task_id: Option<String>,
    /// Only those of this name, for example `push`.
    #[serde(default)]
    pub operation: Option<String>,
    /// Only those that are so far.
    #[serde(default)]
    pub state: Option<State>,
}

/// The operations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationListOutput {
    /// The newest first, without inputs and outputs: `operation-get` has those.
    pub operations: Vec<OperationRecord>,
    #[allow(missing_docs)] // flattened: its fields have theirs
    #[serde(flatten)]
    pub page: Page,
}

impl Operation for OperationList {
    const NAME: &'static str = "operation-list";
    const EFFECT: Effect = Effect::Reads;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"operation": "push", "state": "failed"}"#;
    const IN_WORKSPACE: bool = false;
    const PAGES: bool = true;
    type Output = OperationListOutput;

    fn place(&self) -> Place<'_> {
        Place::Ledger
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        let ids =
            [("sandbox_id", &self.sandbox_id), ("agent_id", &self.agent_id), ("task_id", &self.task_id)];
        ids.iter()
            .try_for_each(|(field, id)| id.as_deref().map_or(Ok(()), |id| check::text::id(field, id)))?;
        match self.operation.as_deref() {
            Some(name) if crate::table::find(name).is_none() => {
                Err(Rejection::argument("operation", "must be the name of an operation"))
            }
            _ => Ok(()),
        }
    }

    fn wants(&self) -> Wants {
        Wants::Newest
    }

    fn decide(&self, context: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        let all = if let Found::Newest(all) = context.found { all.as_slice() } else { &[] };
        let paging = &context.envelope.page;
        // Pinned to the newest of the first page: what came since does not shift the later ones.
        let newest = paging.pins().and_then(|pins| pins.first().cloned());
        let from =
            newest.as_ref().and_then(|pin| all.iter().position(|one| pin_of(one) == *pin)).unwrap_or(0);
        let pin = newest.or_else(|| all.first().map(pin_of));
        let listed: Vec<_> = all[from..].iter().filter(|one| self.fits(one)).cloned().collect();
        let pins: Vec<String> = pin.into_iter().collect();
        let (operations, page) = paging.cut(listed, &pins, 200, |one| one.id.to_string());
        Done::with(OperationListOutput { operations, page }).into()
    }
}

fn pin_of(record: &OperationRecord) -> String {
    record.id.simple().to_string()
}

impl OperationList {
    fn fits(&self, record: &OperationRecord) -> bool {
        let same = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
        same(&self.sandbox_id, &record.sandbox_id)
            && same(&self.agent_id, &record.agent_id)
            && same(&self.task_id, &record.task_id)
            && self.operation.as_ref().is_none_or(|name| *name == record.operation)
            && self.state.is_none_or(|state| state == record.state)
    }
}
