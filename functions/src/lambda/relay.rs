//! The relay: has somebody go on with every operation that was deferred.
//!
//! It follows the ledger's own stream of changes, so that the event is the order: there is no second write that
//! could be forgotten. One that is passed on twice is gone on with once.

use gitledger_events::{Fact, Record, Stream};
use gitledger_operations::table;
use lambda_runtime::Error;
use serde_json::{Value, json};
use uuid::Uuid;

use super::journal::Note;
use super::serve::Told;
use super::{RESUME, invoke};
use crate::answer::Answer;
use crate::settings::Aws;
use crate::trigger::{self, Change, Trigger};
use crate::{Refusal, World};

/// What the relay has of the world.
pub(super) struct Relay {
    pub world: World,
    pub aws: Aws,
    /// Before the functions' names.
    pub prefix: String,
}

/// One batch of changes. The first that could not be passed on, and everything after it, comes again.
pub(super) async fn handle(relay: &Relay, event: Value) -> Result<Told, Error> {
    let changes = match Trigger::read(event) {
        Ok(Trigger::Changes(changes)) => changes,
        Ok(_) => return Err("the relay follows a table's stream".into()),
        Err(refusal) => return Err(refusal.to_string().into()),
    };
    let all = changes.len();
    let mut again = Vec::new();
    for change in changes {
        let Some(id) = deferred_in(&change) else { continue };
        if let Err(error) = pass_on(relay, id).await {
            tracing::error!(%error, operation_id = %id, "operation not passed on; it comes again");
            again.push(change.sequence_number);
            break;
        }
    }
    let note = Note { outcome: "done", batch: Some((all, again.len())), ..Note::default() };
    Ok((trigger::failures(&again), note))
}

/// The operation that a change may have deferred. Where the item names the types of its events, only one that names
/// this one.
fn deferred_in(change: &Change) -> Option<Uuid> {
    let stream = change.partition()?.strip_prefix("s#")?;
    let id = stream.strip_prefix("operation-")?.parse().ok()?;
    let types = change.record.pointer("/dynamodb/NewImage/types");
    types.is_none_or(|types| types.to_string().contains("OperationDeferred")).then_some(id)
}

async fn pass_on(relay: &Relay, id: Uuid) -> Result<(), Error> {
    let records = relay.world.ledger.read_stream(&Stream::operation(id), 1).await?;
    let Some(function) = waiting(id, &records) else { return Ok(()) };
    let name = format!("{}{function}", relay.prefix);
    let payload = json!({ RESUME: id });
    invoke::asynchronously(&relay.aws, &name, &payload).await.map_err(|error: Refusal| error.to_string())?;
    tracing::info!(operation_id = %id, function, "passed on");
    Ok(())
}

/// The function that is to go on with an operation; `None` when nobody has to.
fn waiting(id: Uuid, records: &[Record]) -> Option<String> {
    if Answer::of_stream(id, records).is_some() {
        return None;
    }
    let newest = records.iter().rev().find_map(|record| match record.fact() {
        Ok(Fact::OperationDeferred(_)) => Some(true),
        Ok(Fact::OperationResumed(_)) => Some(false),
        _ => None,
    });
    let operation = records.first()?.operation.as_deref()?;
    newest
        .filter(|deferred| *deferred)
        .and_then(|_| table::find(operation))
        .map(gitledger_operations::Declaration::function)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_that_can_defer_an_operation_are_looked_at() {
        let id = Uuid::from_u128(7);
        let change = |key: &str, types: Value| Change {
            sequence_number: "1".to_owned(),
            record: json!({"dynamodb": {"Keys": {"pk": {"S": key}}, "NewImage": {"types": types}}}),
        };
        let key = format!("s#operation-{id}");
        let deferring = json!({"L": [{"S": "OperationRequested"}, {"S": "OperationDeferred"}]});
        assert_eq!(deferred_in(&change(&key, deferring.clone())), Some(id));
        assert_eq!(deferred_in(&change(&key, json!({"L": [{"S": "OperationRequested"}]}))), None);
        assert_eq!(deferred_in(&change("s#sandbox-i1", deferring.clone())), None);
        assert_eq!(deferred_in(&change("log#0", deferring)), None);
    }
}
