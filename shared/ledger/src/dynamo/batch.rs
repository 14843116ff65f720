//! A batch of a table's stream, as a Lambda gets it, and the answer that it expects.

use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitledger_events::Record;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::commit_item::CommitItem;
use super::item::{Body, Item, Misshapen, bytes};
use super::lines;
use super::sequencer::{Sequenced, Sequencer};
use crate::LedgerError;

/// The trigger of the function `sequencer`.
#[derive(Clone, Debug, Deserialize)]
pub struct StreamBatch {
    /// In the order of their shard.
    #[serde(rename = "Records")]
    pub records: Vec<StreamRecord>,
}

/// That an item was put, changed or removed.
#[derive(Clone, Debug, Deserialize)]
pub struct StreamRecord {
    /// `INSERT`, `MODIFY` or `REMOVE`.
    #[serde(rename = "eventName")]
    pub name: String,
    /// What changed.
    pub dynamodb: Change,
}

/// What changed.
#[derive(Clone, Debug, Deserialize)]
pub struct Change {
    /// Its place in its shard.
    #[serde(rename = "SequenceNumber")]
    pub sequence_number: String,
    /// The item as it is now.
    #[serde(rename = "NewImage", default)]
    pub image: serde_json::Map<String, Value>,
}

/// The answer with `ReportBatchItemFailures`: what comes again.
#[derive(Clone, Debug, Default, Serialize, PartialEq, Eq)]
pub struct BatchReply {
    /// The records that failed. The lowest and all after it in its shard come again.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<BatchFailure>,
}

/// A record that failed.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct BatchFailure {
    /// Its place in its shard.
    #[serde(rename = "itemIdentifier")]
    pub sequence_number: String,
}

/// The trigger is no batch of a table's stream. Nothing was sequenced.
#[derive(Debug)]
pub struct NotABatch(serde_json::Error);

impl fmt::Display for NotABatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a batch of a table's stream: {}", self.0)
    }
}

impl std::error::Error for NotABatch {}

impl StreamBatch {
    /// Reads a trigger.
    pub fn read(trigger: Value) -> Result<Self, NotABatch> {
        serde_json::from_value(trigger).map_err(NotABatch)
    }

    /// Gives the new commits in it their places. What is no new commit is passed over; a record that should be
    /// one and is not fails, and fails alone.
    pub async fn sequence(&self, sequencer: &mut Sequencer) -> Result<(Sequenced, BatchReply), LedgerError> {
        let mut commits = Vec::new();
        let mut places = Vec::new();
        let mut failed = Vec::new();
        for (place, record) in self.records.iter().enumerate().filter(|(_, record)| record.name == "INSERT") {
            match record.commit() {
                Ok(commit) => {
                    commits.push(commit);
                    places.push(place);
                }
                Err(error) => failed.push((place, error.to_string())),
            }
        }
        let mut done = sequencer.sequence(&commits).await?;
        for (place, _) in &mut done.failed {
            *place = places.get(*place).copied().unwrap_or_default();
        }
        done.failed.extend(failed);
        done.failed.sort_unstable();
        let failures = done.failed.iter().filter_map(|(place, _)| self.records.get(*place));
        let failures = failures
            .map(|record| BatchFailure { sequence_number: record.dynamodb.sequence_number.clone() })
            .collect();
        Ok((done, BatchReply { failures }))
    }
}

impl StreamRecord {
    /// The events of a new commit, where they are in the item itself. `None`: it is none, or they lie elsewhere, as
    /// large ones do.
    pub fn events(&self) -> Option<Vec<Record>> {
        let commit = self.commit().ok().filter(|_| self.name == "INSERT")?;
        let Body::Here(body) = &commit.body else { return None };
        commit.records(&lines::unfold(body).ok()?).ok()
    }

    fn commit(&self) -> Result<CommitItem, Misshapen> {
        let image: Result<Item, Misshapen> = self
            .dynamodb
            .image
            .iter()
            .map(|(name, value)| Ok((name.clone(), attribute(value).ok_or(Misshapen("attribute"))?)))
            .collect();
        CommitItem::from_item(&image?)
    }
}

/// An attribute in DynamoDB's JSON, of the kinds that are in a commit.
fn attribute(value: &Value) -> Option<AttributeValue> {
    let (kind, value) = value.as_object()?.iter().next()?;
    let value = value.as_str()?;
    match kind.as_str() {
        "S" => Some(AttributeValue::S(value.to_owned())),
        "N" => Some(AttributeValue::N(value.to_owned())),
        "B" => Some(bytes(STANDARD.decode(value).ok()?)),
        _ => None,
    }
}
