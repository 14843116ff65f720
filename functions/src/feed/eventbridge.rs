//! EventBridge: one bus, an entry per event. It keeps nothing that could be asked for and knows no id again: whoever
//! listens does, by the event's.

use std::time::Duration;

use async_trait::async_trait;
use gitledger_ledger::{Ledger, Position};
use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;

use super::{Bus, Letter};
use crate::exporter;
use crate::exporter::Signing;
use crate::settings;

/// The most entries that one request takes, and the most bytes of all of them.
const ENTRIES_MAX: usize = 10;
const BYTES_MAX: usize = 256 * 1024;
/// What an entry has beside its detail.
const ENVELOPE_BYTES: usize = 1024;
/// How often entries are sent that were refused.
const TRIES: u32 = 4;
/// For one request.
const PATIENCE: Duration = Duration::from_secs(10);

/// A bus in AWS.
pub struct EventBridge {
    client: reqwest::Client,
    address: Url,
    aws: exporter::Aws,
    name: String,
}

impl EventBridge {
    /// The bus of this name, where the environment says that AWS is.
    pub fn named(name: &str, aws: &settings::Aws) -> Result<Self, String> {
        let (Some(key_id), Some(secret)) = (aws.access_key_id.clone(), aws.secret_access_key.clone()) else {
            return Err("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set".to_owned());
        };
        let region = aws.region.clone().ok_or("AWS_REGION is not set")?;
        let address =
            aws.endpoint.clone().unwrap_or_else(|| format!("https://events.{region}.amazonaws.com/"));
        let address: Url = address.parse().map_err(|error| format!("AWS_ENDPOINT_URL: {error}"))?;
        let client = exporter::client_for(&address, PATIENCE).build().map_err(|error| error.to_string())?;
        let session_token = aws.session_token.clone();
        let aws = exporter::Aws { region, key_id, secret, session_token };
        Ok(Self { client, address, aws, name: name.to_owned() })
    }

    fn entry(&self, letter: &Letter) -> Value {
        json!({
            "EventBusName": self.name,
            "Source": "gitledger",
            "DetailType": letter.name,
            "Time": letter.at.as_second(),
            "Detail": letter.body(BYTES_MAX - ENVELOPE_BYTES),
        })
    }

    /// Puts one group; what was refused again, and nothing of what was taken. How many of the first ones were taken.
    async fn put(&self, group: &[Value]) -> (usize, Result<(), String>) {
        let mut left: Vec<usize> = (0..group.len()).collect();
        let mut reason = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
            }
            match self.try_once(left.iter().map(|index| &group[*index]).collect()).await {
                Ok(refused) => {
                    reason = refused.first().map_or_else(String::new, |(_, code)| code.clone());
                    left = refused.iter().map(|(place, _)| left[*place]).collect();
                }
                Err(error) => reason = error,
            }
            if left.is_empty() {
                return (group.len(), Ok(()));
            }
        }
        (left[0], Err(format!("the bus {} did not take an event: {reason}", self.name)))
    }

    /// The places of what was refused, each with the code that says why.
    async fn try_once(&self, entries: Vec<&Value>) -> Result<Vec<(usize, String)>, String> {
        let sent = entries.len();
        let body = json!({"Entries": entries}).to_string().into_bytes();
        let also = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "AWSEvents.PutEvents")];
        let signing = Signing { aws: &self.aws, service: "events", at: Timestamp::now(), also: &also };
        let signed = signing.headers("POST", &self.address, &body);
        let request = self.client.post(self.address.clone());
        let request = signed.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.body(body).send().await.map_err(|error| error.without_url().to_string())?;
        let status = answer.status();
        let said = answer.bytes().await.map_err(|error| error.without_url().to_string())?;
        if !status.is_success() {
            // AWS names the error and no secret.
            let said: String = String::from_utf8_lossy(&said).chars().take(300).collect();
            return Err(format!("{status}: {said}"));
        }
        let answer: Value = serde_json::from_slice(&said).map_err(|error| error.to_string())?;
        let told = answer["Entries"].as_array().filter(|told| told.len() == sent);
        let told = told.ok_or("answered without a word on each entry")?;
        let refused = told.iter().enumerate().filter(|(_, entry)| entry["EventId"].as_str().is_none());
        let code =
            |entry: &Value| entry["ErrorCode"].as_str().unwrap_or("refused").chars().take(100).collect();
        Ok(refused.map(|(place, entry)| (place, code(entry))).collect())
    }
}

#[async_trait]
impl Bus for EventBridge {
    async fn ready(&mut self, _: &dyn Ledger, after: Position) -> Result<Position, String> {
        Ok(after)
    }

    async fn send(&mut self, letters: &[Letter]) -> (usize, Result<(), String>) {
        let mut taken = 0;
        let entries: Vec<Value> = letters.iter().map(|letter| self.entry(letter)).collect();
        for group in groups(&entries) {
            let (first, ended) = self.put(group).await;
            taken += first;
            if ended.is_err() {
                return (taken, ended);
            }
        }
        (taken, Ok(()))
    }
}

/// In groups that one request takes.
fn groups(entries: &[Value]) -> impl Iterator<Item = &[Value]> {
    let mut left = entries;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |entry: &&Value| {
            bytes += entry["Detail"].as_str().map_or(0, str::len) + ENVELOPE_BYTES;
            bytes <= BYTES_MAX
        };
        let count = left.iter().take(ENTRIES_MAX).take_while(fits).count().max(1);
        let (group, rest) = left.split_at_checked(count)?;
        left = rest;
        Some(group)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(details: &[usize]) -> Vec<usize> {
        let entries: Vec<Value> = details.iter().map(|bytes| json!({"Detail": "x".repeat(*bytes)})).collect();
        groups(&entries).map(<[Value]>::len).collect()
    }

    #[test]
    fn a_request_has_at_most_ten_entries_and_256_kib() {
        assert_eq!(sizes(&[100; 25]), [10, 10, 5]);
        assert_eq!(sizes(&[100_000; 5]), [2, 2, 1]);
        assert_eq!(sizes(&[BYTES_MAX - ENVELOPE_BYTES; 2]), [1, 1]);
        assert_eq!(sizes(&[]), [0; 0]);
    }
}
