//! The server: what it says about itself, its tools, and the path of one call.

use std::pin::pin;

use axum::http::request::Parts;
use gitledger_functions::access::Principal;
use gitledger_functions::{Refusal, Request};
use gitledger_operations::{Declaration, Rejection};
use gitledger_sandboxes::{SystemWorld, Trace, World as _};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, Implementation, JsonObject, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};

use super::door::Door;
use super::progress::Progress;
use super::{NAME, result, schema, tools};
use crate::gateway::reply;

const INSTRUCTIONS: &str = "\
Real git in a sandbox of your own. Start with git_clone: its result has a sandbox_id, which every other tool \
takes, and an agent_branch, on which you work. Write files with git_file_write, look with git_status and \
git_diff, then git_commit and git_push; git_push with commit_message does both. Paths are relative to the \
repository. A result with success false says why in error; failure.retryable says whether the same call may \
work later, failure.remedy what to do, refusal.field which argument was wrong. If a call is cut off, repeat it \
with the same idempotency_key: nothing runs twice.";

/// One connection's server; everything shared is behind its door.
#[derive(Clone)]
pub struct Server {
    door: Door,
}

impl Server {
    /// A server whose calls go through this door.
    pub fn new(door: Door) -> Self {
        Self { door }
    }

    /// A call: the same request that a route makes, with its progress told if the caller wants to hear it.
    /// A cancelled call is not answered, but its operation is not torn: it runs to its outcome in the ledger.
    async fn call(
        &self,
        declaration: &'static Declaration,
        arguments: Option<JsonObject>,
        context: &RequestContext<RoleServer>,
    ) -> Option<Result<Value, Value>> {
        let request = match asked(declaration, arguments) {
            Ok(request) => request,
            Err(rejection) => return Some(Err(Refusal::from(rejection).problem())),
        };
        let request = match principal(context) {
            Ok(principal) => Request { trace: trace(context), ..request.by(principal) },
            Err(refusal) => {
                reply::log(&refusal);
                return Some(Err(refusal.problem()));
            }
        };
        let Some(token) = context.meta.get_progress_token() else {
            return tokio::select! {
                told = self.door.operate(request, false) => Some(told),
                () = context.ct.cancelled() => None,
            };
        };
        let peer = context.peer.clone();
        let id = self.door.found_as(&request);
        let mut progress = Progress::begin(&self.door, peer, token, declaration, id).await;
        let mut operating = pin!(self.door.operate(request, true));
        loop {
            tokio::select! {
                biased;
                told = &mut operating => return Some(told),
                () = context.ct.cancelled() => return None,
                () = progress.pause() => {}
            }
            // Not among the others: a notification that is begun is out before the answer is.
            progress.tell().await;
        }
    }
}

/// The request in a tool's arguments.
fn asked(declaration: &Declaration, arguments: Option<JsonObject>) -> Result<Request, Rejection> {
    let mut arguments = arguments.unwrap_or_default();
    let key = match arguments.remove(schema::KEY) {
        None | Some(Value::Null) => None,
        Some(Value::String(key)) => Some(key),
        Some(_) => return Err(Rejection::argument(schema::KEY, "must be a string")),
    };
    Request::new(declaration.name, json!(arguments), key.as_deref(), SystemWorld.id())
}

/// Who calls: over HTTP whom the gateway let in, over stdio whoever started this program. A request that came
/// past the gateway's check is nobody's.
fn principal(context: &RequestContext<RoleServer>) -> Result<Principal, Refusal> {
    let Some(parts) = context.extensions.get::<Parts>() else { return Ok(Principal::Operator) };
    let admitted = parts.extensions.get::<Option<Principal>>().cloned().flatten();
    admitted.ok_or_else(|| Refusal::Fault("an MCP call came past the check of its key".to_owned()))
}

/// The trace that a call over HTTP belongs to.
fn trace(context: &RequestContext<RoleServer>) -> Option<Trace> {
    let headers = &context.extensions.get::<Parts>()?.headers;
    Trace::sent(|name| headers.get(name)?.to_str().ok())
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let about = Implementation::new(NAME, env!("CARGO_PKG_VERSION")).with_title("gitledger");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(about)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all().to_vec()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::find(name).map(|(tool, _)| tool.clone())
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some((_, declaration)) = tools::find(&params.name) else {
            return Err(ErrorData::invalid_params(format!("unknown tool: {}", params.name), None));
        };
        match self.call(declaration, params.arguments, &context).await {
            Some(told) => Ok(result::of(declaration, told).into()),
            None => Err(ErrorData::internal_error("cancelled; the operation runs on", None)),
        }
    }
}
