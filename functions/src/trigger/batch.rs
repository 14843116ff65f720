//! Triggers that come in batches: messages of a queue, changes of a table. What is not done is told by its id,
//! and only that comes again.

use gitledger_sandboxes::Trace;
use serde_json::{Value, json};

/// A message of an SQS queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id; the same when it is delivered again.
    pub id: String,
    /// What was sent. JSON, or the text that is none.
    pub body: Value,
    /// Its attribute `Idempotency-Key`, if it has one.
    pub key: Option<String>,
    /// The trace of whoever has sent it.
    pub trace: Option<Trace>,
}

/// A change of a DynamoDB table.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its place in the shard.
    pub sequence_number: String,
    /// The record, as it came.
    pub record: Value,
}

impl Change {
    /// The stream that a commit of ours is for.
    pub fn stream(&self) -> Option<&str> {
        self.record.pointer("/dynamodb/Keys/k/S").and_then(Value::as_str)
    }
}

/// The records of a batch from this source; `None`: it is none.
fn records<'t>(trigger: &'t Value, source: &str) -> Option<&'t Vec<Value>> {
    let records = trigger.get("Records")?.as_array()?;
    let is_from = |record: &Value| record.get("eventSource").is_some_and(|found| found == source);
    (!records.is_empty() && records.iter().all(is_from)).then_some(records)
}

pub(super) fn messages(trigger: &Value) -> Option<Vec<Message>> {
    let text = |record: &Value, name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
    let message = |record: &Value| {
        let body = text(record, "body").unwrap_or_default();
        let key = record.pointer("/messageAttributes/Idempotency-Key/stringValue");
        Some(Message {
            id: text(record, "messageId")?,
            body: serde_json::from_str(&body).unwrap_or(Value::String(body)),
            key: key.and_then(Value::as_str).map(str::to_owned),
            trace: record.pointer("/attributes/AWSTraceHeader").and_then(Value::as_str).and_then(Trace::xray),
        })
    };
    records(trigger, "aws:sqs")?.iter().map(message).collect()
}

pub(super) fn changes(trigger: &Value) -> Option<Vec<Change>> {
    let change = |record: &Value| {
        let number = record.pointer("/dynamodb/SequenceNumber")?.as_str()?;
        Some(Change { sequence_number: number.to_owned(), record: record.clone() })
    };
    records(trigger, "aws:dynamodb")?.iter().map(change).collect()
}

/// What is to come again. For a stream only the first counts: everything after it comes again too.
pub fn failures(ids: &[String]) -> Value {
    let failures: Vec<Value> = ids.iter().map(|id| json!({"itemIdentifier": id})).collect();
    json!({"batchItemFailures": failures})
}
