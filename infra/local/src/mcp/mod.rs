//! The MCP server `git_operations`: the table of operations as tools, over stdio and over streamable HTTP.
//!
//! Nothing here knows an operation by name. A tool is made from a declaration ([`tools`]), a call becomes the
//! same request that a route makes ([`server`]), and its answer goes back as one flat object ([`result`]).

pub(crate) mod door;
mod progress;
pub mod result;
mod schema;
mod server;
pub mod tools;

use std::sync::Arc;

use axum::Router;
use rmcp::ServiceExt;
use rmcp::transport::stdio_pipes;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::gateway::{BODY_BYTES_MAX, Gateway};
pub use door::Door;
pub use server::Server;

/// The server's name.
pub const NAME: &str = "git_operations";

/// Serves standard input and output until standard input ends; answers on their way then get a few seconds.
/// Whatever is still under way afterwards is not torn: the caller drains its system.
pub async fn serve_stdio(door: Door) -> Result<(), String> {
    let running = Server::new(door).serve(stdio_pipes()).await;
    match running {
        Ok(running) => running.waiting().await.map(drop).map_err(|error| error.to_string()),
        // Whoever goes away before saying hello has asked for nothing.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// The route `/mcp`, for a router whose layers guard it: who may call is not decided here.
///
/// Without sessions: each call stands for itself, so there is nothing to lose at a restart and nothing to be
/// waited for at the end but calls. An answer is JSON, or an event stream when progress comes first.
pub fn route<S: Clone + Send + Sync + 'static>(gateway: &Gateway) -> Router<S> {
    let door = Door::Here(gateway.clone());
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(BODY_BYTES_MAX)
        .disable_allowed_hosts();
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(Server::new(door.clone())), sessions, config);
    Router::new().route_service("/mcp", service)
}
