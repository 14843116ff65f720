//! Lambda's Runtime API, as far as a function asks it: invocations are handed out, answers are taken.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// What is handed out.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Its id: the same when Lambda tries it again.
    pub request_id: String,
    /// What the function gets.
    pub event: Value,
    /// How long it may take.
    pub time: Duration,
}

/// Serves one function at a time; ends when it is dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    address: String,
    invocations: mpsc::Sender<Invocation>,
    answers: mpsc::Receiver<(String, Value)>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Shared {
    invocations: Arc<Mutex<mpsc::Receiver<Invocation>>>,
    answers: mpsc::Sender<(String, Value)>,
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl RuntimeApi {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let (invocations, handed_out) = mpsc::channel(1);
        let (taken, answers) = mpsc::channel(8);
        let shared = Shared { invocations: Arc::new(Mutex::new(handed_out)), answers: taken };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(answered))
            .with_state(shared);
        let listener = match TcpListener::bind("127.0.0.1:0").await {
            Ok(listener) => listener,
            Err(error) => panic!("no port for the Runtime API: {error}"),
        };
        let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
        let serving = tokio::spawn(async move {
            // Ends with the test.
            let _ = axum::serve(listener, router).await;
        });
        Self { address, invocations, answers, serving }
    }

    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Hands an invocation to whoever asks next.
    pub async fn hand_out(&self, invocation: Invocation) {
        assert!(self.invocations.send(invocation).await.is_ok(), "the Runtime API has ended");
    }

    /// The next answer: `response` or `error`, and what it says.
    pub async fn answer(&mut self) -> (String, Value) {
        let answer = tokio::time::timeout(crate::wait::PATIENCE, self.answers.recv()).await;
        match answer {
            Ok(Some(answer)) => answer,
            _ => panic!("the function does not answer"),
        }
    }
}

async fn next(State(shared): State<Shared>) -> Result<(HeaderMap, String), StatusCode> {
    let invocation = shared.invocations.lock().await.recv().await.ok_or(StatusCode::GONE)?;
    let deadline = SystemTime::now() + invocation.time;
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", invocation.request_id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:test".to_owned(),
        ),
    ] {
        let value = HeaderValue::from_str(&value).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok((headers, invocation.event.to_string()))
}

async fn answered(
    State(shared): State<Shared>,
    Path((_, kind)): Path<(String, String)>,
    body: String,
) -> StatusCode {
    let said = serde_json::from_str(&body).unwrap_or(Value::String(body));
    let _ = shared.answers.send((kind, said)).await;
    StatusCode::ACCEPTED
}
