//! What a caller hears while its operation is under way.

use std::fmt::Write;
use std::time::Duration;

use gitledger_operations::Declaration;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::{Peer, RoleServer};
use serde_json::Value;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::door::{Door, Place};

/// How often the ledger is asked what happened.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The longest silence.
const SAY_EVERY: Duration = Duration::from_secs(1);
/// How long a notification may take. A caller that does not read hears no more, and its answer is not kept.
const PATIENCE: Duration = Duration::from_secs(1);

/// Follows one operation for a caller who gave a progress token. `progress` is the seconds so far: it only
/// grows, and it has no total, because nobody knows how long git will take.
pub struct Progress {
    door: Door,
    peer: Peer<RoleServer>,
    token: ProgressToken,
    name: &'static str,
    operation: Uuid,
    began: Instant,
    place: Option<Place>,
    said_at: Option<Instant>,
    is_heard: bool,
}

impl Progress {
    /// Begins to follow, before the operation starts, and says so.
    pub async fn begin(
        door: &Door,
        peer: Peer<RoleServer>,
        token: ProgressToken,
        declaration: &Declaration,
        operation: Uuid,
    ) -> Self {
        let mut progress = Self {
            door: door.clone(),
            peer,
            token,
            name: declaration.name,
            operation,
            began: Instant::now(),
            place: door.place().await,
            said_at: None,
            is_heard: true,
        };
        progress.say("begun").await;
        progress
    }

    /// Waits until it is time to look again. May be given up at any moment; nothing is under way in it.
    pub async fn pause(&self) {
        tokio::time::sleep(LOOK_EVERY).await;
    }

    /// Tells what has happened since; when nothing has for a second, that it is still under way.
    pub async fn tell(&mut self) {
        if !self.is_heard {
            return;
        }
        let mut events = Vec::new();
        if let Some(place) = self.place
            && let Ok(Some(found)) = timeout(PATIENCE, self.door.since(place, self.operation)).await
        {
            (events, self.place) = (found.0, Some(found.1));
        }
        for event in &events {
            self.say(&happened(event)).await;
        }
        if self.said_at.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            self.say("under way").await;
        }
    }

    async fn say(&mut self, what: &str) {
        let seconds = self.began.elapsed().as_secs_f64();
        let message = format!("{}: {what}, {seconds:.1} s", self.name);
        let notification = ProgressNotificationParam::new(self.token.clone(), seconds).with_message(message);
        let sent = timeout(PATIENCE, self.peer.notify_progress(notification)).await;
        self.is_heard &= matches!(sent, Ok(Ok(())));
        self.said_at = Some(Instant::now());
    }
}

/// An event in words: `PushAttempted {attempt: 2, outcome: "superseded"}` is `push attempted (2): superseded`.
fn happened(event: &Value) -> String {
    let name = event["type"].as_str().unwrap_or_default();
    let name = name.rsplit('.').next().unwrap_or_default();
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    if let Some(attempt) = event["data"]["attempt"].as_u64() {
        let _ = write!(words, " ({attempt})");
    }
    if let Some(outcome) = event["data"]["outcome"].as_str() {
        let _ = write!(words, ": {outcome}");
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::happened;

    #[test]
    fn an_event_is_told_in_words() {
        let event =
            json!({"type": "gitledger.PushAttempted", "data": {"attempt": 2, "outcome": "superseded"}});
        assert_eq!(happened(&event), "push attempted (2): superseded");
        assert_eq!(happened(&json!({"type": "gitledger.SandboxRequested"})), "sandbox requested");
    }
}
