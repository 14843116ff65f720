//! The ledger on DynamoDB, and the functions that there are only for it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gitledger_events::Fact;
use gitledger_ledger::Recorded;
use gitledger_ledger::dynamo::{
    AccessKeys, Bucket, DynamoLedger, DynamoSettings, Folded as Tried, StreamBatch,
};
use gitledger_projections::Projection;
use lambda_runtime::Error;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::journal::Note;
use super::serve::Told;
use crate::projector::{Folded, KEY, Projector};
use crate::settings::{Aws, Settings};

/// Time to a connection, and for one try of a request.
const CONNECT: Duration = Duration::from_secs(3);
const TRY: Duration = Duration::from_secs(10);
/// So often a state is made again because a projector has saved another one meanwhile.
const RACES_MAX: usize = 5;

/// The ledger as the settings name it, its connection made. A world needs none made: it reads what is saved.
pub(super) async fn warm(settings: &Settings) -> Result<DynamoLedger, Error> {
    let ledger = ledger(settings)?;
    // While the process starts it has a whole processor; a first request has the function's share.
    ledger.warm().await;
    Ok(ledger)
}

/// The ledger as the settings name it.
pub(super) fn ledger(settings: &Settings) -> Result<DynamoLedger, Error> {
    let Settings { aws, tables, .. } = settings;
    let address = |text: &Option<String>| text.as_deref().map(str::parse).transpose();
    let bucket =
        tables.bucket.clone().map(|name| Ok::<_, Error>(Bucket { name, endpoint: address(&aws.endpoint)? }));
    let told = DynamoSettings {
        region: region(aws),
        endpoint: address(&aws.dynamodb)?,
        keys: keys(aws)?,
        events_table: tables.events.clone(),
        log_table: tables.log.clone(),
        bucket: bucket.transpose()?,
    };
    Ok(DynamoLedger::new(told, client(aws.dynamodb.as_deref().unwrap_or("https:"))?)?)
}

pub(super) fn region(aws: &Aws) -> String {
    aws.region.clone().unwrap_or_else(|| "us-east-1".to_owned())
}

/// The role's keys, as Lambda puts them into the environment.
pub(super) fn keys(aws: &Aws) -> Result<AccessKeys, Error> {
    let (Some(id), Some(secret)) = (&aws.access_key_id, &aws.secret_access_key) else {
        return Err("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set".into());
    };
    let session_token = aws.session_token.as_ref().map(|token| token.expose().to_owned());
    Ok(AccessKeys { id: id.clone(), secret: secret.expose().to_owned(), session_token })
}

/// The process's client for AWS, or for another engine on this machine: whoever asks the same service again finds
/// its connection.
pub(super) fn client(address: &str) -> Result<reqwest::Client, Error> {
    static CLIENTS: [OnceLock<reqwest::Client>; 2] = [OnceLock::new(), OnceLock::new()];
    let plain = address.starts_with("http://");
    let made = &CLIENTS[usize::from(plain)];
    if let Some(client) = made.get() {
        return Ok(client.clone());
    }
    gitledger_sandboxes::tls::install();
    let builder = reqwest::Client::builder().connect_timeout(CONNECT).timeout(TRY).tcp_nodelay(true);
    let builder = if plain {
        builder.no_proxy().tls_certs_only([])
    } else {
        gitledger_sandboxes::tls::trusting(builder)
    };
    let client = builder.build()?;
    Ok(made.get_or_init(|| client).clone())
}

/// One batch of the events' table: each new commit gets its place.
pub(super) async fn sequence(
    sequencer: &Mutex<gitledger_ledger::dynamo::Sequencer>,
    event: Value,
) -> Result<Told, Error> {
    let batch = StreamBatch::read(event)?;
    let all = batch.records.len();
    let (_, reply) = batch.sequence(&mut *sequencer.lock().await).await?;
    let note = Note { outcome: "done", batch: Some((all, reply.failures.len())), ..Note::default() };
    Ok((json!(reply), note))
}

/// Looks for what the table's stream has lost.
pub(super) async fn repair(ledger: &DynamoLedger) -> Result<Told, Error> {
    let found = ledger.repair().await?;
    if !found.failed.is_empty() {
        tracing::error!(failed = ?found.failed, "streams that cannot be sequenced");
    }
    let answer = json!({
        "commits": found.commits,
        "streams_repaired": found.streams,
        "events_repaired": found.events,
        "failed": found.failed,
        "position": found.head.as_u64(),
    });
    Ok((answer, Note { outcome: "done", ..Note::default() }))
}

/// Tries what the projector has parked once more. An event that can be read by now has its place among the others:
/// everything is folded again from the first on, and off the list comes what is in that.
pub(super) async fn retry(ledger: &Arc<DynamoLedger>) -> Result<Told, Error> {
    let mut attempts = RACES_MAX;
    // Who was faster may know nothing of what is cured.
    while !Projector::load(ledger.clone()).await?.save().await? {
        attempts -= 1;
        if attempts == 0 {
            return Err("projectors were faster each time".into());
        }
    }
    let tried = ledger.retry_parked(&KEY, is_in).await?;
    let left: Vec<Value> = tried
        .left
        .iter()
        .map(|(position, why)| json!({"position": position.as_u64(), "reason": why}))
        .collect();
    let note = Note { outcome: "done", parked: Some(left.len()), ..Note::default() };
    Ok((json!({"folded": tried.folded, "left": left}), note))
}

/// Whether an event that was parked is in a state, which is then right as it is.
fn is_in(state: &[u8], event: &Recorded) -> Tried {
    let folded = match Folded::from_bytes(state) {
        Ok(folded) => folded,
        Err(error) => return Tried::Not(error.to_string()),
    };
    if !folded.skipped.contains(&event.position.as_u64()) {
        return Tried::Into(state.to_vec());
    }
    let why = event.record.clone().decode().err().map(|error| error.to_string());
    Tried::Not(why.unwrap_or_else(|| "it is folded in by the next projector".to_owned()))
}

/// The operations that a batch defers, each with the place of the record that says so.
pub(super) fn deferred_in(event: Value) -> Result<Vec<(String, Uuid)>, Error> {
    let batch = StreamBatch::read(event)?;
    let deferring = batch.records.iter().filter_map(|record| {
        let events = record.events()?;
        let last = events.iter().rfind(|event| matches!(event.fact(), Ok(Fact::OperationDeferred(_))))?;
        Some((record.dynamodb.sequence_number.clone(), last.stream.operation_id()?))
    });
    Ok(deferring.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str) -> Value {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/triggers");
        serde_json::from_slice(&std::fs::read(dir.join(name)).unwrap()).unwrap()
    }

    #[test]
    fn what_was_parked_is_off_the_list_when_it_is_in_the_state_and_only_then() {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/golden");
        let file = std::fs::read_dir(golden).unwrap().flatten().next().unwrap().path();
        let record = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let event = Recorded { position: gitledger_ledger::Position::from_u64(7), record };
        let mut folded = Folded::default();
        let with = |folded: &Folded| is_in(&folded.to_bytes().unwrap(), &event);
        assert!(matches!(with(&folded), Tried::Into(state) if state == folded.to_bytes().unwrap()));
        folded.skipped.insert(7);
        assert!(matches!(with(&folded), Tried::Not(_)));
        assert!(matches!(is_in(b"no state", &event), Tried::Not(_)));
    }

    #[test]
    fn only_what_defers_an_operation_is_passed_on() {
        let id = "019ac0f2-6a3b-7c44-9d21-3f5b8a7e6c10".parse().unwrap();
        assert_eq!(deferred_in(sample("relay.json")).unwrap(), [("8000000000000000043003".to_owned(), id)]);
        assert!(deferred_in(sample("sequencer.json")).unwrap().is_empty());
        let mut gone = sample("relay.json");
        gone["Records"][0]["eventName"] = json!("REMOVE");
        assert!(deferred_in(gone).unwrap().is_empty());
        assert!(deferred_in(json!({})).is_err());
    }
}
