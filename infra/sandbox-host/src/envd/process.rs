//! The service `process.Process`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;

use super::Envd;
use super::account::check_user;
use super::follow::{deadline, follow};
use super::launch::{ProcessConfig, Start, launch};
use super::table::Selector;
use crate::connect::{Code, ConnectError, enveloped_message, message};

pub(super) fn routes() -> Router<Arc<Envd>> {
    Router::new()
        .route("/process.Process/Start", post(start))
        .route("/process.Process/Connect", post(connect))
        .route("/process.Process/List", post(list))
        .route("/process.Process/SendInput", post(send_input))
        .route("/process.Process/SendSignal", post(send_signal))
        .route("/process.Process/CloseStdin", post(close_stdin))
        .route("/process.Process/Update", post(async || unimplemented("terminals are not implemented")))
        .route(
            "/process.Process/StreamInput",
            post(async || unimplemented("StreamInput is not implemented").into_stream()),
        )
}

fn unimplemented(message: &str) -> ConnectError {
    ConnectError::new(Code::Unimplemented, message)
}

/// An answer without content.
#[derive(Serialize)]
pub(super) struct Empty {}

/// A unary answer.
pub(super) type Unary<T> = Result<axum::Json<T>, ConnectError>;

#[derive(Default, Deserialize)]
struct OneProcess {
    #[serde(default)]
    process: Selector,
}

async fn start(State(envd): State<Arc<Envd>>, headers: HeaderMap, body: Bytes) -> Response {
    let deadline = deadline(&headers);
    let started = check_user(&headers)
        .and_then(|()| enveloped_message::<Start>(&body))
        .and_then(|start| launch(&envd, start, deadline, |process| process.audience.join()));
    match started {
        Ok((process, heard)) => follow(process.pid, heard, deadline, &headers),
        Err(error) => error.into_stream(),
    }
}

async fn connect(State(envd): State<Arc<Envd>>, headers: HeaderMap, body: Bytes) -> Response {
    let found = enveloped_message::<OneProcess>(&body).and_then(|asked| envd.processes.find(&asked.process));
    match found {
        Ok(process) => follow(process.pid, process.audience.join(), deadline(&headers), &headers),
        Err(error) => error.into_stream(),
    }
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
    #[serde(default)]
    process: Selector,
    #[serde(default)]
    input: Input,
}

#[derive(Default, Deserialize)]
struct Input {
    stdin: Option<String>,
}

async fn send_input(State(envd): State<Arc<Envd>>, body: Bytes) -> Unary<Empty> {
    let asked: SendInput = message(&body)?;
    let encoded = asked.input.stdin.ok_or_else(|| unimplemented("terminals are not implemented"))?;
    let bytes = STANDARD
        .decode(encoded)
        .map_err(|error| ConnectError::new(Code::InvalidArgument, format!("stdin: {error}")))?;
    let process = envd.processes.find_running(&asked.process)?;
    let mut stdin = process.stdin.lock().await;
    let pipe = stdin
        .as_mut()
        .ok_or_else(|| ConnectError::new(Code::FailedPrecondition, "stdin not enabled or closed"))?;
    pipe.write_all(&bytes).await.map_err(|error| ConnectError::io("writing to stdin", &error))?;
    Ok(axum::Json(Empty {}))
}

async fn close_stdin(State(envd): State<Arc<Envd>>, body: Bytes) -> Unary<Empty> {
    let asked: OneProcess = message(&body)?;
    envd.processes.find_running(&asked.process)?.stdin.lock().await.take();
    Ok(axum::Json(Empty {}))
}

#[derive(Default, Deserialize)]
struct SendSignal {
    #[serde(default)]
    process: Selector,
    #[serde(default)]
    signal: String,
}

async fn send_signal(State(envd): State<Arc<Envd>>, body: Bytes) -> Unary<Empty> {
    let asked: SendSignal = message(&body)?;
    let signal = match asked.signal.as_str() {
        "SIGNAL_SIGKILL" => Signal::KILL,
        "SIGNAL_SIGTERM" => Signal::TERM,
        other => return Err(unimplemented(&format!("signal {other} is not implemented"))),
    };
    envd.processes.find_running(&asked.process)?.signal(signal)?;
    Ok(axum::Json(Empty {}))
}
