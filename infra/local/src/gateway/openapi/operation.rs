//! One git operation in the document: everything from its declaration.

use gitledger_functions::Answer;
use gitledger_functions::request::KEY_BYTES_MAX;
use gitledger_operations::Declaration;
use serde_json::{Map, Value, json};

use super::components::{Components, pascal};
use super::problems;

/// The path item's operation.
pub(super) fn told(declaration: &Declaration, components: &mut Components) -> Value {
    let name = pascal(declaration.name);
    let output_schema = (declaration.output_schema)();
    let opens_sandbox = output_schema.get("properties").is_some_and(|all| all.get("sandbox_id").is_some());
    let input = components.add(format!("{name}Input"), (declaration.input_schema)());
    let output = components.add(format!("{name}Output"), output_schema);
    let answer = components.add_titled(super::super::route::of::<Answer>());
    let mut responses = problems::references(&[400, 402, 413, 422, 503]);
    let mut ended = json!({
        "description": "It has ended, well or not: `outcome` tells.",
        "content": {"application/json": {"schema": {
            "allOf": [answer.clone()],
            "properties": {"operation": {"const": declaration.name}, "output": output},
        }}},
        "links": {"record": record()},
    });
    if opens_sandbox {
        let at = json!({"id": "$response.body#/output/sandbox_id"});
        ended["links"]["sandbox"] = json!({"operationId": "getSandbox", "parameters": at});
    }
    responses.insert("200".to_owned(), ended);
    responses.insert(
        "202".to_owned(),
        json!({
            "description": "Its outcome is not known yet: ask for the record.",
            "headers": look_again(),
            "content": {"application/json": {"schema": answer}},
            "links": {"record": record()},
        }),
    );
    if declaration.signed {
        return signed(declaration, &responses);
    }
    // An empty body is an empty input.
    let needs_input = (declaration.input_schema)().get("required").is_some();
    json!({
        "operationId": declaration.name,
        "tags": [tag(declaration)],
        "summary": declaration.summary(),
        "description": declaration.help(),
        "parameters": [
            {"$ref": "#/components/parameters/IdempotencyKey"},
            {"$ref": "#/components/parameters/Prefer"},
        ],
        "requestBody": {
            "required": needs_input,
            "content": {"application/json": {"schema": input, "example": declaration.example()}},
        },
        "responses": responses,
        "x-time-limit-s": declaration.budget.time.as_secs(),
    })
}

fn tag(declaration: &Declaration) -> Value {
    if declaration.words().0 == "git" { json!(declaration.effect) } else { json!("sandboxes") }
}

/// One that E2B asks for: its body is E2B's own, and it is known by its signature.
fn signed(declaration: &Declaration, responses: &Map<String, Value>) -> Value {
    let header = |name: &str, required: bool, about: &str| {
        json!({"name": name, "in": "header", "required": required, "description": about,
            "schema": {"type": "string"}})
    };
    let event = declaration.example()["body"].as_str().and_then(|body| serde_json::from_str(body).ok());
    json!({
        "operationId": declaration.name,
        "tags": [tag(declaration)],
        "summary": declaration.summary(),
        "description": declaration.help(),
        "security": [],
        "parameters": [
            header("e2b-signature", true, "SHA-256 over the webhook's secret and the body, in base64."),
            header("e2b-signature-version", false, "Only `v1` is known."),
        ],
        "requestBody": {
            "required": true,
            "content": {"application/json": {
                "schema": {"type": "object"},
                "example": event.unwrap_or(Value::Null),
            }},
        },
        "responses": responses,
        "x-time-limit-s": declaration.budget.time.as_secs(),
    })
}

/// How to find the recorded answer.
fn record() -> Value {
    json!({"operationId": "getOperation", "parameters": {"id": "$response.body#/operation_id"}})
}

/// The headers of 202.
pub(super) fn look_again() -> Value {
    json!({
        "Location": {
            "required": true,
            "description": "The operation's record.",
            "schema": {"type": "string", "pattern": "^/operations/"},
        },
        "Retry-After": {
            "required": true,
            "description": "When to look, in seconds.",
            "schema": {"type": "integer", "minimum": 0},
        },
    })
}

/// The header that says how long the answer is waited for.
pub(super) fn prefer() -> Value {
    json!({
        "name": "Prefer",
        "in": "header",
        "required": false,
        "description": "`wait=N`: answer 202 when it has not ended after so many seconds; `respond-async`: at once. \
                        It goes on. Nothing that only reads is answered so.",
        // Anything: a preference that is not known is passed over (RFC 7240, 2).
        "schema": {},
        "example": "wait=20",
    })
}

/// The header that makes a repeat harmless.
pub(super) fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "The same key again gets the recorded answer, and nothing runs twice; for another request \
                        it is refused (422). A UUID becomes the operation's id.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": KEY_BYTES_MAX,
            "pattern": "^[!-~]([ -~]*[!-~])?$",
        },
        "example": "push-1",
    })
}
