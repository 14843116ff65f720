//! The relay: has somebody go on with every operation that was deferred.
//!
//! It follows the ledger's own stream of changes, so that the event is the order: there is no second write that
//! could be forgotten. One that is passed on twice is gone on with once.

use gitledger_events::{Fact, Record, Stream};
use gitledger_operations::table;
use lambda_runtime::Error;
use serde_json::{Value, json};
use uuid::Uuid;

use super::dynamo::deferred_in;
use super::journal::Note;
use super::serve::Told;
use super::{RESUME, invoke};
use crate::answer::Answer;
use crate::settings::Aws;
use crate::trigger;
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
    let all = event["Records"].as_array().map_or(0, Vec::len);
    let mut again = Vec::new();
    for (place, id) in deferred_in(event)? {
        if let Err(error) = pass_on(relay, id).await {
            tracing::error!(%error, operation_id = %id, "operation not passed on; it comes again");
            again.push(place);
            break;
        }
    }
    let note = Note { outcome: "done", batch: Some((all, again.len())), ..Note::default() };
    Ok((trigger::failures(&again), note))
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
