//! Where a tool's call is done: by the system in this process, or by a gateway that runs elsewhere.

use gitledger_events::Stream;
use gitledger_functions::access::ApiKey;
use gitledger_functions::request::id_by;
use gitledger_functions::{Refusal, Request};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::calling;
use crate::gateway::{Gateway, reply};

/// The most events that are read at once while a call is followed.
const PAGE: usize = 1000;

/// Where calls go.
#[derive(Clone)]
pub enum Door {
    /// To the system in this process.
    Here(Gateway),
    /// To a gateway.
    There {
        /// Its address, without a slash at the end.
        url: String,
        /// The connections to it.
        client: Client,
        /// Sent with every call, if there is one.
        key: Option<ApiKey>,
        /// Calls on their way: whoever gives one up does not take it back.
        sent: TaskTracker,
    },
}

/// How far a call has been followed: a version of its own stream, or a position in the whole ledger.
#[derive(Clone, Copy, Debug)]
pub struct Place(u64);

impl Door {
    /// A gateway at this address.
    pub fn to(url: &str) -> Result<Self, String> {
        let client = calling::client(url)?;
        let key = gitledger_functions::settings::api_key().map_err(|error| error.to_string())?;
        let sent = TaskTracker::new();
        Ok(Self::There { url: url.trim_end_matches('/').to_owned(), client, key, sent })
    }

    /// The answer, or the refusal as a problem. Whoever stops waiting for it does not stop the operation.
    /// `followed`: somebody will look for the operation by its id meanwhile.
    pub async fn operate(&self, request: Request, followed: bool) -> Result<Value, Value> {
        match self {
            Self::Here(gateway) => match gateway.operate(request).await {
                Ok(answer) => Ok(json!(answer)),
                Err(refusal) => {
                    reply::log(&refusal);
                    Err(refusal.problem())
                }
            },
            Self::There { url, client, key, sent } => {
                let mut call = calling::post(client, url, &request.operation, &request.input);
                call = on_authority(call, key.as_ref());
                if request.keyed || followed {
                    call = call.header("idempotency-key", request.operation_id.to_string());
                }
                let url = url.clone();
                let sent = sent.spawn(async move { told(&url, call.send().await).await });
                sent.await.unwrap_or_else(|error| Err(Refusal::Fault(error.to_string()).problem()))
            }
        }
    }

    /// The id under which somebody will find this request's operation: a gateway that is sent a key has ids of that
    /// key's own.
    pub fn found_as(&self, request: &Request) -> Uuid {
        match self {
            Self::There { key: Some(key), .. } => id_by(key.id(), request.operation_id),
            Self::There { key: None, .. } | Self::Here(_) => request.operation_id,
        }
    }

    /// Waits for the calls that are on their way to a gateway. The system in this process is drained by who
    /// started it.
    pub async fn drained(&self) {
        if let Self::There { sent, .. } = self {
            sent.close();
            sent.wait().await;
        }
    }

    /// Where following begins; `None` when it cannot be followed.
    pub async fn place(&self) -> Option<Place> {
        match self {
            Self::Here(_) => Some(Place(0)),
            Self::There { url, client, key, .. } => {
                let health: Value = on_authority(client.get(format!("{url}/healthz")), key.as_ref())
                    .send()
                    .await
                    .ok()?
                    .json()
                    .await
                    .ok()?;
                health["position"].as_u64().map(Place)
            }
        }
    }

    /// What has happened to an operation since, as CloudEvents, and the place after that.
    pub async fn since(&self, place: Place, operation: Uuid) -> Option<(Vec<Value>, Place)> {
        let stream = Stream::operation(operation);
        match self {
            Self::Here(gateway) => {
                let records = gateway.world.ledger.read_stream(&stream, place.0 + 1).await.ok()?;
                let last = records.last().map_or(place.0, |record| record.version);
                Some((records.iter().map(gitledger_events::Record::cloud_event).collect(), Place(last)))
            }
            Self::There { url, client, key, .. } => {
                let page = format!("{url}/events?after={}&limit={PAGE}", place.0);
                let mut page: Value =
                    on_authority(client.get(page), key.as_ref()).send().await.ok()?.json().await.ok()?;
                let mut events = match page["events"].take() {
                    Value::Array(events) => events,
                    _ => Vec::new(),
                };
                events.retain(|event| event["subject"] == stream.as_str());
                Some((events, Place(page["next"].as_u64().unwrap_or(place.0))))
            }
        }
    }
}

fn on_authority(request: RequestBuilder, key: Option<&ApiKey>) -> RequestBuilder {
    // Marked as sensitive by the client.
    match key {
        Some(key) => request.bearer_auth(key.expose()),
        None => request,
    }
}

async fn told(url: &str, sent: reqwest::Result<reqwest::Response>) -> Result<Value, Value> {
    let silent = |error: reqwest::Error| {
        let error = error.without_url();
        tracing::error!(%url, %error, "the gateway gave no answer");
        let refusal = Refusal::Fault(error.to_string());
        refusal.problem()
    };
    let response = sent.map_err(silent)?;
    let status = response.status();
    let body: Value = response.json().await.map_err(silent)?;
    if status.is_success() { Ok(body) } else { Err(calling::answer(status.as_u16(), body)) }
}
