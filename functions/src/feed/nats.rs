//! NATS `JetStream`: one stream, a subject per type of event, each event in it once and in the ledger's order.
//!
//! `Nats-Msg-Id` lets the server drop what it has had within two minutes. A feed that was away for longer asks for the
//! newest message, which says its place in the ledger; and each message names the sequence number that it follows, so
//! that of two feeds only one adds anything.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use gitledger_ledger::{Ledger, Position};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Bus, Letter};
use connection::{Connection, Message};
pub use server::Server;

mod connection;
mod frame;
mod server;

/// Before the type of an event.
const SUBJECTS: &str = "gitledger.events";
/// The stream that is made where none takes these subjects.
const STREAM: &str = "GITLEDGER";
/// How long what was made here keeps messages. The ledger keeps them for ever.
const MAX_AGE: Duration = Duration::from_hours(30 * 24);
/// In which the server knows an id again.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);
/// For a connection, a question, or a batch.
const PATIENCE: Duration = Duration::from_secs(5);
/// After so long without use a connection is made anew: nobody has answered the server's pings meanwhile.
const IDLE: Duration = Duration::from_mins(1);
/// Room for headers within what the server takes as one message.
const HEADERS_BYTES: usize = 1024;

/// A feed's way into one server, opened when it is needed.
pub struct Nats {
    server: Server,
    open: Option<Open>,
    used: Instant,
}

struct Open {
    connection: Connection,
    stream: String,
    /// The sequence number of its newest message, where nobody else writes to it.
    newest: Option<u64>,
}

impl Nats {
    /// Of this server.
    pub fn at(server: Server) -> Self {
        Self { server, open: None, used: Instant::now() }
    }
}

#[async_trait]
impl Bus for Nats {
    async fn ready(&mut self, ledger: &dyn Ledger, after: Position) -> Result<Position, String> {
        if self.used.elapsed() > IDLE {
            self.open = None;
        }
        self.used = Instant::now();
        if self.open.is_some() {
            return Ok(after);
        }
        let opening = async {
            let mut connection = Connection::open(&self.server).await?;
            let stream = stream(&mut connection).await?;
            Open::of(connection, stream).await
        };
        let opened = tokio::time::timeout(PATIENCE * 2, opening).await;
        let (open, newest) =
            opened.unwrap_or_else(|_| Err(format!("{} did not answer in time", self.server)))?;
        let known = match newest {
            // A message of another ledger says nothing about this one.
            Some((position, id)) if is_ours(ledger, position, id).await? => position.max(after),
            _ => after,
        };
        self.open = Some(open);
        Ok(known)
    }

    async fn send(&mut self, letters: &[Letter]) -> (usize, Result<(), String>) {
        // Put back when all answers are here: what comes late must not be taken for another event's.
        let Some(mut open) = self.open.take() else { return (0, Err("NATS is not connected".to_owned())) };
        let mut taken = 0;
        let sent = tokio::time::timeout(PATIENCE, open.publish(letters, &mut taken)).await;
        let sent = sent.unwrap_or_else(|_| Err(format!("{} did not take events in time", self.server)));
        if sent.is_ok() {
            self.open = Some(open);
        }
        (taken, sent)
    }
}

impl Open {
    /// The stream, and the place in the ledger and the id of its newest event.
    async fn of(
        mut connection: Connection,
        stream: String,
    ) -> Result<(Self, Option<(Position, Uuid)>), String> {
        let info = ask(&mut connection, &format!("STREAM.INFO.{stream}"), &json!({})).await?;
        let own = info["config"]["subjects"] == json!([format!("{SUBJECTS}.>")]);
        let newest = info["state"]["last_seq"].as_u64().filter(|_| own);
        let by = json!({"last_by_subj": format!("{SUBJECTS}.>")});
        let found = ask(&mut connection, &format!("STREAM.MSG.GET.{stream}"), &by).await;
        let event = found.ok().and_then(|found| {
            use base64::Engine;
            let data = found["message"]["data"].as_str()?;
            let event = base64::engine::general_purpose::STANDARD.decode(data).ok()?;
            serde_json::from_slice::<Value>(&event).ok()
        });
        let place = event.and_then(|event| {
            let id = event["id"].as_str()?.parse().ok()?;
            Some((Position::from_u64(event["position"].as_u64()?), id))
        });
        Ok((Self { connection, stream, newest }, place))
    }

    /// Sends all, then waits for each to be stored. `taken` counts the first ones that were.
    async fn publish(&mut self, letters: &[Letter], taken: &mut usize) -> Result<(), String> {
        let bytes_max = self.connection.payload_max().saturating_sub(HEADERS_BYTES);
        for (index, letter) in (0_u64..).zip(letters) {
            let mut headers =
                vec![("Nats-Msg-Id", letter.id.to_string()), ("Nats-Expected-Stream", self.stream.clone())];
            if let Some(newest) = self.newest {
                headers.push(("Nats-Expected-Last-Sequence", (newest + index).to_string()));
            }
            let subject = format!("{SUBJECTS}.{}", token(&letter.name));
            self.connection.publish(index, &subject, &headers, letter.body(bytes_max).as_bytes()).await?;
        }
        self.connection.flush().await?;
        for index in (0_u64..).take(letters.len()) {
            let ack = answered(&self.connection.answer(index).await?)?;
            self.newest = self.newest.and(ack["seq"].as_u64());
            *taken += 1;
        }
        Ok(())
    }
}

/// The stream that takes the subjects, made where there is none.
async fn stream(connection: &mut Connection) -> Result<String, String> {
    let subject = format!("{SUBJECTS}.>");
    let found = ask(connection, "STREAM.NAMES", &json!({"subject": subject})).await?;
    if let Some(name) = found["streams"][0].as_str() {
        return Ok(name.to_owned());
    }
    let made = json!({
        "name": STREAM,
        "description": "Events of gitledger as CloudEvents, in the ledger's order",
        "subjects": [subject],
        "storage": "file",
        "retention": "limits",
        "discard": "old",
        "max_consumers": -1,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": u64::try_from(MAX_AGE.as_nanos()).unwrap_or(u64::MAX),
        "duplicate_window": u64::try_from(DUPLICATE_WINDOW.as_nanos()).unwrap_or(u64::MAX),
        "num_replicas": 1,
    });
    ask(connection, &format!("STREAM.CREATE.{STREAM}"), &made).await?;
    Ok(STREAM.to_owned())
}

/// One question to `JetStream`.
async fn ask(connection: &mut Connection, what: &str, body: &Value) -> Result<Value, String> {
    let subject = format!("$JS.API.{what}");
    let message = connection.request(&subject, body.to_string().as_bytes()).await?;
    answered(&message).map_err(|reason| format!("{what}: {reason}"))
}

/// What an answer says, if it is no refusal.
fn answered(message: &Message) -> Result<Value, String> {
    if message.is_nobody() {
        return Err("NATS has no JetStream here; start it with --jetstream".to_owned());
    }
    let answer: Value =
        serde_json::from_slice(&message.body).map_err(|error| format!("not understood: {error}"))?;
    match answer.get("error") {
        None => Ok(answer),
        Some(error) => Err(error["description"].as_str().unwrap_or("refused").chars().take(200).collect()),
    }
}

/// Whether this ledger has the event of this id at this place.
async fn is_ours(ledger: &dyn Ledger, position: Position, id: Uuid) -> Result<bool, String> {
    let before = Position::from_u64(position.as_u64().saturating_sub(1));
    let found = ledger.read_all(before, 1).await.map_err(|error| error.to_string())?;
    Ok(found.first().is_some_and(|found| found.position == position && found.record.id == id))
}

/// A type as a part of a subject.
fn token(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}
