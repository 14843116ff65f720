//! A network with a will: what becomes of each request is decided by its number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use gitledger_ledger::dynamo::Transport;
use tokio::sync::Notify;

use super::engine::client;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is answered.
    Answered,
    /// The engine refuses it for now; nothing is done.
    Throttled,
    /// It is carried out, and the answer is lost.
    Lost,
    /// The process dies before it is sent.
    DeathBefore,
    /// The process dies when it is carried out.
    DeathAfter,
}

type Decide = dyn Fn(u64) -> Fate + Send + Sync;

/// Sends requests on, or does with them what is decided.
#[derive(Clone)]
pub struct Network {
    connector: Transport,
    decide: Arc<Decide>,
    requests: Arc<AtomicU64>,
    death: Arc<Notify>,
}

impl Network {
    pub fn new(decide: impl Fn(u64) -> Fate + Send + Sync + 'static) -> Self {
        let (requests, death) = Default::default();
        Self { connector: Transport::new(client()), decide: Arc::new(decide), requests, death }
    }

    /// How many requests were made.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// Runs something until its end or until its process dies, which drops it where it waits.
    pub async fn until_death<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.death.notified() => None,
            done = work => Some(done),
        }
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

impl HttpClient for Network {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let fate = (self.decide)(number);
        let (connector, death) = (self.connector.clone(), self.death.clone());
        HttpConnectorFuture::new(async move {
            match fate {
                Fate::Answered => connector.call(request).await,
                Fate::Throttled => Ok(throttled()),
                Fate::Lost => {
                    connector.call(request).await?;
                    Err(ConnectorError::timeout("the answer is lost".into()))
                }
                Fate::DeathBefore => die(&death).await,
                Fate::DeathAfter => {
                    connector.call(request).await?;
                    die(&death).await
                }
            }
        })
    }
}

async fn die(death: &Notify) -> Result<HttpResponse, ConnectorError> {
    death.notify_one();
    std::future::pending().await
}

fn throttled() -> HttpResponse {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":""}"#;
    let mut answer = http::Response::new(SdkBody::from(body));
    *answer.status_mut() = http::StatusCode::BAD_REQUEST;
    HttpResponse::try_from(answer).unwrap()
}
