//! What invokes a function: API Gateway (HTTP API v2, REST v1), a Function URL, plain JSON, a queue, a schedule,
//! a table's stream.

mod batch;
mod http;

use gitledger_operations::table;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::Outcome;
use crate::{Answer, Refusal, Request};

pub use batch::{Change, Message, failures};
pub use http::{Authority, Door, Http, prefer};

/// A trigger, told from its shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// A request over HTTP, or what is wrong with it.
    Http(Box<Http>),
    /// Plain JSON from whoever may invoke the function.
    Direct(Value),
    /// A time has come; it asks for nothing in particular.
    Schedule,
    /// Messages of a queue.
    Queue(Vec<Message>),
    /// Changes of a table.
    Changes(Vec<Change>),
}

/// Where the answer goes decides its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// An HTTP response with status, headers and body as text; for an HTTP API or a Function URL (payload 2.0).
    Http,
    /// The same for a REST API (payload 1.0), which takes no field that it does not know.
    Rest,
    /// The JSON itself.
    Direct,
}

impl Trigger {
    /// Reads a trigger. What is an HTTP request and a wrong one is refused to whoever sent it.
    pub fn read(event: Value) -> Result<Self, Refusal> {
        if http::is_http(&event) {
            return Http::read(&event).map(|http| Self::Http(Box::new(http)));
        }
        if let Some(messages) = batch::messages(&event) {
            return Ok(Self::Queue(messages));
        }
        if let Some(changes) = batch::changes(&event) {
            return Ok(Self::Changes(changes));
        }
        if event.get("Records").is_some() {
            let rule = "must all be of one queue or of one table's stream, with their ids";
            return Err(gitledger_operations::Rejection::argument("Records", rule).into());
        }
        Ok(if is_schedule(&event) { Self::Schedule } else { Self::Direct(event) })
    }

    /// To whom a trigger's answer goes, also when it cannot be read.
    pub fn caller(event: &Value) -> Caller {
        match (http::is_http(event), http::is_second(event)) {
            (true, true) => Caller::Http,
            (true, false) => Caller::Rest,
            (false, _) => Caller::Direct,
        }
    }
}

/// `EventBridge` rules say so; its scheduler sends what it was told to, and that is an input.
fn is_schedule(event: &Value) -> bool {
    event.get("detail-type").is_some_and(|kind| kind == "Scheduled Event")
}

/// A request over HTTP as a request for one operation.
pub fn of_http(operation: &str, http: &Http, new_id: Uuid) -> Result<Request, Refusal> {
    if http.method != "POST" {
        let rule = "must be POST".to_owned();
        let code = "method-not-allowed";
        return Err(gitledger_operations::Rejection { code, field: "method".to_owned(), rule }.into());
    }
    if is_signed(operation) {
        let input = signed_input(http.body.clone(), |name| http.header(name))?;
        return Ok(Request::new(operation, input, None, new_id)?);
    }
    let request = Request::new(operation, json_body(&http.body)?, http.header("idempotency-key"), new_id)?;
    Ok(request.patient(http.patience()))
}

/// Plain JSON as a request: an input, or `{"input": {...}, "idempotency_key": "..."}` for callers without
/// headers.
pub fn of_json(operation: &str, mut event: Value, new_id: Uuid) -> Result<Request, Refusal> {
    let key = event.get("idempotency_key").and_then(Value::as_str).map(str::to_owned);
    let (input, key) = match event.get_mut("input") {
        Some(input) if input.is_object() => (input.take(), key),
        _ => (event, None),
    };
    Ok(Request::new(operation, input, key.as_deref(), new_id)?)
}

/// A message as a request. Its own id is the key where it has no other, so that a message that is delivered
/// twice is one operation.
pub fn of_message(operation: &str, message: Message, new_id: Uuid) -> Result<Request, Refusal> {
    let Message { id, mut body, key, trace } = message;
    let wrapped = body.get("input").is_some_and(Value::is_object);
    let named = |name: &str| body.get(name).is_some_and(Value::is_string);
    if let Some(key) = key {
        body = if wrapped { body["input"].take() } else { body };
        body = json!({"input": body, "idempotency_key": key});
    } else if wrapped && !named("idempotency_key") {
        body["idempotency_key"] = json!(id);
    } else if !wrapped && !named("operation_id") && body.is_object() {
        body = json!({"input": body, "idempotency_key": id});
    }
    Ok(Request { trace, ..of_json(operation, body, new_id)? })
}

/// Whether its requests over HTTP carry a signature of their own and no API key.
pub fn is_signed(operation: &str) -> bool {
    table::find(operation).is_some_and(|declaration| declaration.signed)
}

/// The input of an operation that is asked for by E2B's webhook: the body as it is, and what signs it.
pub fn signed_input<'h>(body: Vec<u8>, header: impl Fn(&str) -> Option<&'h str>) -> Result<Value, Refusal> {
    let body = String::from_utf8(body).map_err(|_| malformed("must be UTF-8"))?;
    let signature = header("e2b-signature").unwrap_or_default();
    Ok(json!({
        "body": body,
        "signature": signature,
        "signature_version": header("e2b-signature-version"),
    }))
}

/// The answer in the shape of its caller. Over HTTP, an unknown outcome is 202 with the place to ask again.
pub fn write(caller: Caller, answer: Result<Answer, Refusal>) -> Value {
    match (caller, answer) {
        (Caller::Direct, Ok(answer)) => json!(answer),
        (Caller::Direct, Err(refusal)) => refusal.problem(),
        (caller, Ok(answer)) => answered(caller, &answer),
        (caller, Err(refusal)) => {
            let mut response = http(caller, refusal.status(), "application/problem+json", &refusal.problem());
            if let Some(challenge) = refusal.challenge() {
                response["headers"]["www-authenticate"] = json!(challenge);
            }
            response
        }
    }
}

/// What was only looked at, in the shape of its caller.
pub fn shown(caller: Caller, body: Value) -> Value {
    if caller == Caller::Direct { body } else { http(caller, 200, "application/json", &body) }
}

fn answered(caller: Caller, answer: &Answer) -> Value {
    let mut response = http(caller, 200, "application/json", &json!(answer));
    if answer.outcome == Outcome::Unknown {
        response["statusCode"] = json!(202);
        response["headers"]["location"] = json!(format!("/operations/{}", answer.operation_id));
        response["headers"]["retry-after"] = json!("1");
    }
    response
}

fn http(caller: Caller, status: u16, content_type: &str, body: &Value) -> Value {
    let mut response = json!({
        "statusCode": status,
        "headers": { "content-type": content_type },
        "body": body.to_string(),
        "isBase64Encoded": false,
    });
    if caller == Caller::Http {
        // API Gateway does without; `cargo lambda watch` (1.9.2) answers 500 where it is missing.
        response["cookies"] = json!([]);
    }
    response
}

/// A body as JSON, or the rejection that names it.
pub fn json_body(bytes: &[u8]) -> Result<Value, Refusal> {
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(bytes).map_err(|error| malformed(&format!("must be JSON: {error}")))
}

fn malformed(rule: &str) -> Refusal {
    gitledger_operations::Rejection::argument("body", rule).into()
}

#[cfg(test)]
mod tests;
