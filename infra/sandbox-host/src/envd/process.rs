//! The service `process.Process`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;

use super::Envd;
use super::account::User;
use super::audience::Heard;
use super::follow::{Patience, follow};
use super::input::{Pty, Sent};
use super::launch::{Start, launch};
use super::protojson::or_default;
use super::table::{Process, ProcessConfig, Selector};
use crate::connect::{
    Code, ConnectError, Envelopes, data_frame, end_frame, enveloped_message, message, stream_response,
};

pub(super) fn routes() -> Router<Arc<Envd>> {
    Router::new()
        .route("/process.Process/Start", post(start))
        .route("/process.Process/Connect", post(connect))
        .route("/process.Process/List", post(list))
        .route("/process.Process/SendInput", post(send_input))
        .route("/process.Process/StreamInput", post(stream_input))
        .route("/process.Process/SendSignal", post(send_signal))
        .route("/process.Process/CloseStdin", post(close_stdin))
        .route("/process.Process/Update", post(update))
}

/// How long an answer waits for the end of a process that was killed.
const GOING: Duration = Duration::from_millis(250);
const KEEPALIVE: &[u8] = br#"{"event":{"keepalive":{}}}"#;

/// An answer without content.
#[derive(Deserialize, Serialize)]
pub(super) struct Empty {}

/// A unary answer.
pub(super) type Unary<T> = Result<axum::Json<T>, ConnectError>;

#[derive(Default, Deserialize)]
struct OneProcess {
    #[serde(default, deserialize_with = "or_default")]
    process: Selector,
}

async fn start(State(envd): State<Arc<Envd>>, headers: HeaderMap, body: Bytes) -> Response {
    let patience = Patience::of(&headers);
    let started = User::of(&headers).and_then(|user| {
        let start = enveloped_message::<Start>(&headers, &body)?;
        launch(&envd, user, start, patience.deadline, |process| process.audience.join())
    });
    match started {
        Ok((process, heard)) => events(process.pid, heard, patience),
        Err(error) => error.into_stream(),
    }
}

async fn connect(State(envd): State<Arc<Envd>>, headers: HeaderMap, body: Bytes) -> Response {
    let found = enveloped_message::<OneProcess>(&headers, &body)
        .and_then(|asked| envd.processes.find(&asked.process));
    match found {
        Ok(process) => events(process.pid, process.audience.join(), Patience::of(&headers)),
        Err(error) => error.into_stream(),
    }
}

fn events(pid: u32, heard: mpsc::Receiver<Heard>, patience: Patience) -> Response {
    let opening = json!({"event": {"start": {"pid": pid}}}).to_string();
    follow(data_frame(opening.as_bytes()), data_frame(KEEPALIVE), heard, patience)
}

#[derive(Serialize)]
struct Listed {
    config: ProcessConfig,
    pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
}

#[derive(Serialize)]
struct Processes {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    processes: Vec<Listed>,
}

async fn list(State(envd): State<Arc<Envd>>) -> axum::Json<Processes> {
    let processes = envd
        .processes
        .running()
        .into_iter()
        .map(|process| Listed { config: process.config.clone(), pid: process.pid, tag: process.tag.clone() })
        .collect();
    axum::Json(Processes { processes })
}

#[derive(Default, Deserialize)]
struct SendInput {
    #[serde(default, deserialize_with = "or_default")]
    process: Selector,
    #[serde(default, deserialize_with = "or_default")]
    input: Sent,
}

async fn send_input(State(envd): State<Arc<Envd>>, body: Bytes) -> Unary<Empty> {
    let asked: SendInput = message(&body)?;
    envd.processes.find_running(&asked.process)?.input.write(asked.input).await?;
    Ok(axum::Json(Empty {}))
}

/// One message of a stream of input.
#[derive(Deserialize)]
struct StreamInput {
    start: Option<OneProcess>,
    data: Option<StreamData>,
    keepalive: Option<Empty>,
}

#[derive(Deserialize)]
struct StreamData {
    #[serde(default, deserialize_with = "or_default")]
    input: Sent,
}

async fn stream_input(State(envd): State<Arc<Envd>>, headers: HeaderMap, body: Body) -> Response {
    let written = write_stream(&envd, &headers, body);
    let written = match Patience::of(&headers).deadline {
        Some(deadline) => {
            tokio::time::timeout_at(deadline, written).await.unwrap_or_else(|_| Err(ConnectError::too_late()))
        }
        None => written.await,
    };
    match written {
        Ok(()) => stream_response(Body::from([data_frame(b"{}"), end_frame(None)].concat())),
        Err(error) => error.into_stream(),
    }
}

/// Writes messages in the order in which they come, until there are no more.
async fn write_stream(envd: &Envd, headers: &HeaderMap, body: Body) -> Result<(), ConnectError> {
    let mut messages = Envelopes::new(headers, body)?;
    let mut process: Option<Arc<Process>> = None;
    while let Some(message) = messages.next::<StreamInput>().await? {
        match (message, &process) {
            (StreamInput { start: Some(chosen), .. }, _) => {
                process = Some(envd.processes.find_running(&chosen.process)?);
            }
            (StreamInput { data: Some(data), .. }, Some(process)) => process.input.write(data.input).await?,
            (StreamInput { data: Some(_), .. }, None) => {
                let message = "input comes before the start that says whose it is";
                return Err(ConnectError::new(Code::InvalidArgument, message));
            }
            (StreamInput { keepalive: Some(Empty {}), .. }, _) => {}
            _ => return Err(ConnectError::new(Code::Unimplemented, "the event has no kind that is known")),
        }
    }
    Ok(())
}

async fn close_stdin(State(envd): State<Arc<Envd>>, body: Bytes) -> Unary<Empty> {
    let asked: OneProcess = message(&body)?;
    envd.processes.find_running(&asked.process)?.input.close().await?;
    Ok(axum::Json(Empty {}))
}

#[derive(Default, Deserialize)]
struct Update {
    #[serde(default, deserialize_with = "or_default")]
    process: Selector,
    pty: Option<Pty>,
}

async fn update(State(envd): State<Arc<Envd>>, body: Bytes) -> Unary<Empty> {
    let asked: Update = message(&body)?;
    let process = envd.processes.find_running(&asked.process)?;
    if let Some(pty) = asked.pty {
        process.input.resize(pty.size).await?;
    }
    Ok(axum::Json(Empty {}))
}

#[derive(Default, Deserialize)]
struct SendSignal {
    #[serde(default, deserialize_with = "or_default")]
    process: Selector,
    #[serde(default, deserialize_with = "or_default")]
    signal: AskedSignal,
}

/// An enum's value: its name, or its number.
#[derive(Deserialize)]
#[serde(untagged)]
enum AskedSignal {
    Number(i32),
    Name(String),
}

impl Default for AskedSignal {
    fn default() -> Self {
        Self::Number(0)
    }
}

async fn send_signal(State(envd): State<Arc<Envd>>, body: Bytes) -> Unary<Empty> {
    let asked: SendSignal = message(&body)?;
    let process = envd.processes.find_running(&asked.process)?;
    let signal = match asked.signal {
        AskedSignal::Number(9) => Signal::KILL,
        AskedSignal::Number(15) => Signal::TERM,
        AskedSignal::Name(name) if name == "SIGNAL_SIGKILL" => Signal::KILL,
        AskedSignal::Name(name) if name == "SIGNAL_SIGTERM" => Signal::TERM,
        AskedSignal::Number(_) | AskedSignal::Name(_) => {
            return Err(ConnectError::new(Code::Unimplemented, "only SIGKILL and SIGTERM can be sent"));
        }
    };
    process.signal(signal)?;
    if signal == Signal::KILL {
        // So that it is gone for whoever asks next. Its end may take longer, when its own children are heard out.
        let _ = tokio::time::timeout(GOING, process.audience.over()).await;
    }
    Ok(axum::Json(Empty {}))
}
