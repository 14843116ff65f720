//! Webhooks: who wants to be told what, and the telling.
//!
//! Signed as E2B signs: a plain digest of the secret and the body, which is not an HMAC. Receivers should
//! take a delivery as a hint and ask for the truth.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{Client, Url};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::identity;
use super::journal::{Event, TEAM_ID};

/// Attempts at one delivery in all.
const ATTEMPTS: u32 = 4;
/// How long a receiver may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Deliveries under way at once; others wait their turn.
const AT_ONCE: usize = 32;
/// Deliveries that may wait; what comes on top is dropped, and said to be.
const WAITING_MAX: usize = 10_000;

/// One registration.
#[derive(Clone)]
pub(super) struct Webhook {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) url: Url,
    pub(super) enabled: bool,
    pub(super) events: Vec<String>,
    pub(super) secret: String,
    created_at: Timestamp,
}

impl Webhook {
    pub(super) fn new(
        name: String,
        url: Url,
        enabled: bool,
        events: Vec<String>,
        secret: String,
    ) -> std::io::Result<Self> {
        Ok(Self { id: identity::uuid()?, name, url, enabled, events, secret, created_at: Timestamp::now() })
    }

    /// As its routes answer: without the secret.
    pub(super) fn shown(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "url": self.url.as_str(), "enabled": self.enabled,
            "events": self.events, "createdAt": self.created_at, "teamId": TEAM_ID,
        })
    }

    fn wants(&self, event: &Event) -> bool {
        self.enabled && self.events.iter().any(|kind| kind == event.kind)
    }
}

/// All registrations.
pub(super) struct Webhooks {
    all: Mutex<BTreeMap<String, Webhook>>,
    sender: Sender,
}

#[derive(Clone)]
struct Sender {
    client: Client,
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    retry_after: Duration,
}

impl Webhooks {
    pub(super) fn new(retry_after: Duration) -> Result<Self, reqwest::Error> {
        // An error means that somebody chose one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .no_proxy()
            .build()?;
        let sender = Sender {
            client,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            retry_after,
        };
        Ok(Self { all: Mutex::default(), sender })
    }

    pub(super) fn all(&self) -> MutexGuard<'_, BTreeMap<String, Webhook>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everyone who wants to know, in the background and in no order.
    pub(super) fn tell(&self, event: &Event) {
        for webhook in self.all().values().filter(|webhook| webhook.wants(event)).cloned() {
            let Ok(place) = Arc::clone(&self.sender.waiting).try_acquire_owned() else {
                tracing::warn!(webhook = webhook.id, "too many deliveries wait; one is dropped");
                continue;
            };
            let (sender, body) = (self.sender.clone(), Bytes::from(event.delivered().to_string()));
            tokio::spawn(async move {
                sender.deliver(&webhook, body).await;
                drop(place);
            });
        }
    }
}

impl Sender {
    async fn deliver(&self, webhook: &Webhook, body: Bytes) {
        for attempt in 1..=ATTEMPTS {
            let turn = self.turns.acquire().await;
            let reason = match self.attempt(webhook, body.clone()).await {
                Ok(()) => return,
                Err(reason) => reason,
            };
            drop(turn);
            tracing::warn!(webhook = webhook.id, attempt, reason, "webhook not delivered");
            if attempt < ATTEMPTS {
                tokio::time::sleep(self.retry_after).await;
            }
        }
    }

    /// The reason names no address: it may hold what only its receiver should know.
    async fn attempt(&self, webhook: &Webhook, body: Bytes) -> Result<(), String> {
        let delivery = identity::uuid().map_err(|error| error.to_string())?;
        let request = self
            .client
            .post(webhook.url.clone())
            .header("content-type", "application/json")
            .header("e2b-webhook-id", &webhook.id)
            .header("e2b-delivery-id", delivery)
            .header("e2b-signature-version", "v1")
            .header("e2b-signature", signature(&webhook.secret, &body))
            .body(body);
        let answer = request.send().await.map_err(|error| error.without_url().to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
    }
}

/// The digest of secret and body, in base64 without its padding.
fn signature(secret: &str, body: &[u8]) -> String {
    STANDARD_NO_PAD.encode(Sha256::new().chain_update(secret).chain_update(body).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_digest_of_secret_and_body() {
        // printf 'secret{}' | openssl dgst -sha256 -binary | base64
        let expected = STANDARD_NO_PAD.encode(Sha256::digest("secret{}"));
        assert_eq!(signature("secret", b"{}"), expected);
        assert!(!expected.contains('='));
    }
}
