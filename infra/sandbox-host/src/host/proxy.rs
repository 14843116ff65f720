//! The way from the host's port to a sandbox's envd. Bodies stream both ways.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use jiff::SignedDuration;
use serde_json::json;

use super::fleet::Fleet;
use super::identity::parse_id;
use super::sandbox::Sandbox;
use crate::connect::{ConnectError, sealed};
use crate::signature::{FilesQuery, verify};

/// The port on which clients expect envd.
const ENVD_PORT: &str = "49983";
/// How much of a refused request is read, and for how long, so that its connection can be used again.
const DRAINED_BYTES_MAX: usize = 64 * 1024;
const DRAINING: std::time::Duration = std::time::Duration::from_secs(1);
/// How long a sandbox runs that a request woke.
const WOKEN_FOR: SignedDuration = SignedDuration::from_mins(5);
/// When a signature is only looked up, which is done whether it has expired or not: envd says which.
const UNTIMED_S: i64 = i64::MIN;
/// Headers that are about one connection, and so are not passed on.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// envd's paths; they meet no path of the control plane.
pub(super) fn routes(fleet: Arc<Fleet>) -> Router {
    Router::new()
        .route("/process.Process/{method}", any(forward))
        .route("/filesystem.Filesystem/{method}", any(forward))
        .route("/files", any(forward))
        .route("/health", any(forward))
        .route("/metrics", any(forward))
        .route("/envs", any(forward))
        .with_state(fleet)
}

/// Takes requests whose host name is a sandbox's, whatever their path.
pub(super) async fn by_host(State(fleet): State<Arc<Fleet>>, request: Request, next: Next) -> Response {
    match named_by_host(request.headers()) {
        Some(_) => forward(State(fleet), request).await,
        None => next.run(request).await,
    }
}

/// Port and sandbox of a host name `<port>-<id>.<domain>`.
fn named_by_host(headers: &HeaderMap) -> Option<(&str, &str)> {
    let (name, _domain) = headers.get(header::HOST)?.to_str().ok()?.split_once('.')?;
    let (port, id) = name.split_once('-')?;
    port.bytes().all(|byte| byte.is_ascii_digit()).then_some((port, id)).filter(|_| !port.is_empty())
}

async fn forward(State(fleet): State<Arc<Fleet>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let upload = head.method == Method::POST && head.uri.path() == "/files";
    let addressed = addressed(&fleet, &head).await;
    match addressed.and_then(|sandbox| if upload { with_room(sandbox) } else { Ok(sandbox) }) {
        Ok(sandbox) => pass(&sandbox, Request::from_parts(head, body)).await,
        Err(refusal) => {
            drain(body).await;
            refusal.into_response()
        }
    }
}

/// Reads the rest of a request that is refused: a connection with something unread is closed after the answer,
/// and a client that is about to use it again fails with a broken pipe.
async fn drain(body: Body) {
    let reading = axum::body::to_bytes(body, DRAINED_BYTES_MAX);
    // What is longer or slower has its connection closed.
    let _ = tokio::time::timeout(DRAINING, reading).await;
}

/// Why a request was not passed on.
enum Refusal {
    /// The request names no sandbox, or not as one can be named.
    Invalid,
    /// A file is asked for by its signature alone, which no sandbox made.
    Signature,
    /// There is no such sandbox, or it is paused or dead.
    NotFound(String),
    /// Only envd's port can be reached.
    Port { id: String, port: String },
    /// The sandbox is over its disk.
    Full,
}

fn with_room(sandbox: Arc<Sandbox>) -> Result<Arc<Sandbox>, Refusal> {
    if sandbox.gauge.is_full() { Err(Refusal::Full) } else { Ok(sandbox) }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // Newer SDKs choose their exception by these words.
        let (status, body) = match self {
            Self::Invalid => (StatusCode::BAD_REQUEST, json!({"message": "Invalid sandbox ID", "code": 400})),
            Self::Signature => {
                (StatusCode::UNAUTHORIZED, json!({"message": "invalid signature", "code": 401}))
            }
            Self::NotFound(id) => (
                StatusCode::BAD_GATEWAY,
                json!({"sandboxId": id, "message": "The sandbox was not found", "code": 502}),
            ),
            Self::Port { id, port } => (
                StatusCode::BAD_GATEWAY,
                json!({"sandboxId": id, "message": "The sandbox is running but port is not open",
                    "port": port.parse::<u16>().ok(), "code": 502}),
            ),
            Self::Full => (
                StatusCode::INSUFFICIENT_STORAGE,
                json!({"message": "not enough disk space available", "code": 507}),
            ),
        };
        (status, Json(body)).into_response()
    }
}

/// The sandbox that a request is for, awake.
async fn addressed(fleet: &Arc<Fleet>, head: &Parts) -> Result<Arc<Sandbox>, Refusal> {
    let headers = &head.headers;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let by_header = text("e2b-sandbox-id").map(|id| (text("e2b-sandbox-port").unwrap_or(ENVD_PORT), id));
    let Some((port, id)) = by_header.or_else(|| named_by_host(headers)) else {
        let unsigned = || if head.uri.path() == "/files" { Refusal::Signature } else { Refusal::Invalid };
        return signed(fleet, &head.method, &head.uri).ok_or_else(unsigned);
    };
    let id = parse_id(id).ok_or(Refusal::Invalid)?;
    let not_found = || Refusal::NotFound(id.to_owned());
    let sandbox = fleet.get(id).ok_or_else(not_found)?;
    if !sandbox.is_running() {
        // One without processes is started anew only by those who know that they will not be there.
        if !sandbox.order.auto_resume || sandbox.cell().is_none() {
            return Err(not_found());
        }
        // On a task of its own: a caller that hangs up must not leave it half way.
        let (fleet, woken) = (Arc::clone(fleet), Arc::clone(&sandbox));
        let resumed = tokio::spawn(async move { fleet.resume(&woken, WOKEN_FOR).await }).await;
        resumed.ok().and_then(Result::ok).ok_or_else(not_found)?;
    }

    if port != ENVD_PORT {
        return Err(Refusal::Port { id: id.to_owned(), port: port.to_owned() });
    }
    Ok(sandbox)
}

/// Signed URLs do not say whose they are: it is the sandbox with whose token they were signed.
fn signed(fleet: &Fleet, method: &Method, uri: &Uri) -> Option<Arc<Sandbox>> {
    let operation = if method == Method::POST { "write" } else { "read" };
    let Query(query) = Query::<FilesQuery>::try_from_uri(uri).ok()?;
    fleet.all().into_iter().filter(|sandbox| sandbox.is_running()).find(|sandbox| {
        sandbox.token.as_deref().is_some_and(|token| verify(&query, operation, token, UNTIMED_S).is_ok())
    })
}

async fn pass(sandbox: &Sandbox, mut request: Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let Ok(uri) = Uri::try_from(path) else { return Refusal::Invalid.into_response() };
    *request.uri_mut() = uri;
    for name in &HOP_BY_HOP {
        request.headers_mut().remove(name);
    }
    match sandbox.envd.send(request).await {
        Ok(response) => {
            let mut response = sealed(response.map(Body::new), || ConnectError::lost(&sandbox.id));
            for name in &HOP_BY_HOP {
                response.headers_mut().remove(name);
            }
            response
        }
        // Killed while the request was under way.
        Err(_) => Refusal::NotFound(sandbox.id.clone()).into_response(),
    }
}
