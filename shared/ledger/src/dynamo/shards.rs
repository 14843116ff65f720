//! A table's stream, read as Lambda's event source mapping reads it: for engines that have no Lambda beside them.
//!
//! Where a reader has got to is in its memory only: a new one begins with the oldest record, and the sequencer
//! drops what it knows.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::batch::StreamBatch;
use super::settings::DynamoSettings;
use super::signed::Signed;
use crate::LedgerError;

/// New shards are looked for this often, and whenever one has ended.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Reads the stream of the table of events.
#[derive(Debug)]
pub struct StreamReader {
    signed: Signed,
    address: Url,
    table: String,
    stream: Option<String>,
    /// Where to go on in each shard; nothing in one that was read to its end.
    iterators: HashMap<String, Option<String>>,
    looked: Option<Instant>,
}

impl StreamReader {
    /// Of these tables, from the oldest record on.
    pub fn new(settings: &DynamoSettings, client: reqwest::Client) -> Result<Self, LedgerError> {
        let address = match &settings.endpoint {
            Some(endpoint) => Ok(endpoint.clone()),
            None => Url::parse(&format!("https://streams.dynamodb.{}.amazonaws.com/", settings.region)),
        };
        Ok(Self {
            signed: Signed::new(client, settings.keys.clone(), settings.region.clone(), "dynamodb"),
            address: address.map_err(|error| LedgerError::at("the stream's address", error))?,
            table: settings.events_table.clone(),
            stream: None,
            iterators: HashMap::new(),
            looked: None,
        })
    }

    /// What has come since, of all shards; an empty batch: nothing.
    pub async fn next(&mut self) -> Result<StreamBatch, LedgerError> {
        let ended = self.iterators.values().any(Option::is_none);
        if ended || self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_AGAIN) {
            let stream = self.stream().await?;
            self.look_for_shards(&stream).await?;
            self.looked = Some(Instant::now());
        }
        let mut records = Vec::new();
        for (shard, iterator) in self.iterators.clone() {
            let Some(iterator) = iterator else { continue };
            let got = self.ask("GetRecords", json!({"ShardIterator": iterator, "Limit": 1000})).await;
            let mut got = match got {
                Ok(got) => got,
                Err(error) => {
                    // An iterator lives for minutes only: the shard is read from its beginning again.
                    self.iterators.remove(&shard);
                    return Err(error);
                }
            };
            records.append(got["Records"].as_array_mut().unwrap_or(&mut Vec::new()));
            let next = got["NextShardIterator"].as_str().map(str::to_owned);
            self.iterators.insert(shard, next);
        }
        StreamBatch::read(json!({ "Records": records }))
            .map_err(|error| LedgerError::Engine(error.to_string()))
    }

    async fn stream(&mut self) -> Result<String, LedgerError> {
        if let Some(stream) = &self.stream {
            return Ok(stream.clone());
        }
        let listed = self.ask("ListStreams", json!({"TableName": self.table})).await?;
        let stream = listed["Streams"][0]["StreamArn"].as_str();
        let stream = stream.ok_or_else(|| LedgerError::Engine(format!("{} has no stream", self.table)))?;
        self.stream = Some(stream.to_owned());
        Ok(stream.to_owned())
    }

    async fn look_for_shards(&mut self, stream: &str) -> Result<(), LedgerError> {
        let described = self.ask("DescribeStream", json!({"StreamArn": stream})).await?;
        let shards = described["StreamDescription"]["Shards"].as_array().cloned().unwrap_or_default();
        for shard in shards.iter().filter_map(|shard| shard["ShardId"].as_str()) {
            if self.iterators.contains_key(shard) {
                continue;
            }
            let oldest = json!({"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
            let got = self.ask("GetShardIterator", oldest).await?;
            self.iterators.insert(shard.to_owned(), got["ShardIterator"].as_str().map(str::to_owned));
        }
        Ok(())
    }

    async fn ask(&self, request: &str, body: Value) -> Result<Value, LedgerError> {
        let target = format!("DynamoDBStreams_20120810.{request}");
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target.as_str())];
        let (status, answer) =
            self.signed.send(Method::POST, &self.address, &headers, body.to_string().into_bytes()).await?;
        if status != StatusCode::OK {
            let answer = String::from_utf8_lossy(&answer);
            return Err(LedgerError::Engine(format!("{request}: {status} {answer}")));
        }
        serde_json::from_slice(&answer).map_err(|error| LedgerError::at(request, error))
    }
}
