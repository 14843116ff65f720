//! The way of one request: where to, may it, does it meet a fault, then git.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::access::{self, Access, Token, Verdict};
use super::address::{self, Endpoint, RepositoryName};
use super::backend::Backends;
use super::fault::{Book, Fault};
use super::git;

/// What all requests share.
pub(super) struct Server {
    pub(super) root: PathBuf,
    pub(super) token: Option<Token>,
    /// For repositories that nothing else was set for.
    pub(super) access: Access,
    pub(super) book: Book,
    pub(super) requests: AtomicU64,
    pub(super) backends: Backends,
    pub(super) stop: CancellationToken,
}

/// Answers any request.
pub(super) async fn answer(
    State(server): State<Arc<Server>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    server.requests.fetch_add(1, Ordering::Relaxed);
    let (parts, body) = request.into_parts();
    tokio::select! {
        response = server.handle(&parts, body, peer) => response,
        () = server.stop.cancelled() => refuse(StatusCode::SERVICE_UNAVAILABLE),
    }
}

impl Server {
    async fn handle(&self, parts: &Parts, body: Body, peer: SocketAddr) -> Response {
        let Some((name, endpoint)) = address::route(parts.uri.path(), parts.uri.query()) else {
            return refuse(StatusCode::NOT_FOUND);
        };
        let exists = name.dir(&self.root).is_dir();
        if exists {
            self.book.count(&name, endpoint);
        }
        let access = self.book.access(&name).unwrap_or(self.access);
        let given = parts.headers.get(AUTHORIZATION);
        let known = match access::judge(access, self.token.as_ref(), given, endpoint.writes()) {
            Verdict::Admitted { known } => known,
            Verdict::Unauthorized => return refuse(StatusCode::UNAUTHORIZED),
            Verdict::Forbidden => return refuse(StatusCode::FORBIDDEN),
        };
        // Only now: whoever may not read does not learn what exists.
        if !exists {
            return refuse(StatusCode::NOT_FOUND);
        }
        if parts.method != endpoint.method() {
            return refuse(StatusCode::METHOD_NOT_ALLOWED);
        }
        let cut = match self.book.meet(&name, endpoint) {
            Fault::None => None,
            Fault::CutResponseAfter(bytes) => Some(bytes),
            Fault::Delay(time) => {
                tokio::time::sleep(time).await;
                None
            }
            Fault::Status(code) => {
                return refuse(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
            }
        };
        self.run(self.command(&name, endpoint, parts, peer, known), body, cut).await
    }

    async fn run(&self, command: Command, body: Body, cut: Option<u64>) -> Response {
        match self.backends.run(command, body).await {
            Ok(reply) => {
                let (status, headers) = (reply.status, reply.headers.clone());
                (status, headers, reply.into_body(cut)).into_response()
            }
            Err(error) => {
                tracing::warn!(%error, "a git request could not be answered");
                refuse(StatusCode::BAD_GATEWAY)
            }
        }
    }

    /// `git http-backend` with the variables of CGI. `Authorization` is not among them: git has no use for it.
    fn command(
        &self,
        name: &RepositoryName,
        endpoint: Endpoint,
        parts: &Parts,
        peer: SocketAddr,
        known: bool,
    ) -> Command {
        let mut command = git::command();
        command
            .arg("http-backend")
            .current_dir(&self.root)
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("PATH_INFO", format!("/{}.git/{}", name.as_str(), endpoint.path()))
            .env("QUERY_STRING", endpoint.query())
            .env("REQUEST_METHOD", parts.method.as_str())
            .env("REMOTE_ADDR", peer.ip().to_string());
        if known {
            command.env("REMOTE_USER", "token");
        }
        // Without a length git reads to the end of the body: so it is with a chunked one.
        let passed_on = [
            (CONTENT_TYPE, "CONTENT_TYPE"),
            (CONTENT_LENGTH, "CONTENT_LENGTH"),
            (CONTENT_ENCODING, "HTTP_CONTENT_ENCODING"),
            (HeaderName::from_static("git-protocol"), "HTTP_GIT_PROTOCOL"),
        ];
        for (header, variable) in passed_on {
            if let Some(value) = parts.headers.get(header).and_then(|value| value.to_str().ok()) {
                command.env(variable, value);
            }
        }
        command.into()
    }
}

/// An answer without git. A 401 always says which credential is wanted, or clients would not ask for it.
fn refuse(status: StatusCode) -> Response {
    let mut response = (status, status.canonical_reason().unwrap_or("refused").to_owned()).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let wanted = HeaderValue::from_static("Basic realm=\"gitledger remote\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, wanted);
    }
    response
}
