//! What invokes a function: API Gateway (HTTP API v2, REST v1), a Function URL, or plain JSON.
//!
//! Deliberately absent: dispatch on `routeKey`. One function is one operation, so the route says nothing
//! that the function does not know; cargo-lambda sends `$default` for every route.

use gitledger_operations::table;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::Outcome;
use crate::{Answer, Refusal, Request};

/// Where the answer goes decides its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// An HTTP response with status, headers and body as text.
    Http,
    /// The JSON itself.
    Direct,
}

/// Reads a trigger as a request for one operation.
pub fn read(operation: &str, trigger: Value, new_id: Uuid) -> (Caller, Result<Request, Refusal>) {
    let is_http = trigger.get("requestContext").is_some() && trigger.get("headers").is_some();
    if trigger.get("detail-type").is_some_and(|kind| kind == "Scheduled Event") {
        // Whatever is scheduled asks for nothing in particular.
        let request = Request::new(operation, json!({}), None, new_id);
        return (Caller::Direct, request.map_err(Into::into));
    }
    if !is_http {
        let (input, key) = direct(trigger);
        return (Caller::Direct, Request::new(operation, input, key.as_deref(), new_id).map_err(Into::into));
    }
    let input = if is_signed(operation) {
        bytes(&trigger).and_then(|bytes| signed_input(bytes, |name| header(&trigger, name)))
    } else {
        bytes(&trigger).and_then(|bytes| json_body(&bytes))
    };
    let request = input.and_then(|input| {
        let key = header(&trigger, "idempotency-key").filter(|_| !is_signed(operation));
        Ok(Request::new(operation, input, key, new_id)?)
    });
    (Caller::Http, request)
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
        (Caller::Http, Ok(answer)) => answered(&answer),
        (Caller::Http, Err(refusal)) => {
            let mut response = http(refusal.status(), "application/problem+json", &refusal.problem());
            if let Some(challenge) = refusal.challenge() {
                response["headers"]["www-authenticate"] = json!(challenge);
            }
            response
        }
    }
}

fn answered(answer: &Answer) -> Value {
    let mut response = http(200, "application/json", &json!(answer));
    if answer.outcome == Outcome::Unknown {
        response["statusCode"] = json!(202);
        response["headers"]["location"] = json!(format!("/operations/{}", answer.operation_id));
        response["headers"]["retry-after"] = json!("1");
    }
    response
}

fn http(status: u16, content_type: &str, body: &Value) -> Value {
    json!({
        "statusCode": status,
        "headers": { "content-type": content_type },
        "body": body.to_string(),
        "isBase64Encoded": false,
    })
}

/// A plain input, or `{"input": {...}, "idempotency_key": "..."}` for callers without headers.
fn direct(mut trigger: Value) -> (Value, Option<String>) {
    let key = trigger.get("idempotency_key").and_then(Value::as_str).map(str::to_owned);
    match trigger.get_mut("input") {
        Some(input) if input.is_object() => (input.take(), key),
        _ => (trigger, None),
    }
}

fn bytes(trigger: &Value) -> Result<Vec<u8>, Refusal> {
    let text = trigger.get("body").and_then(Value::as_str).unwrap_or("{}");
    let encoded = trigger.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    if encoded {
        use base64::Engine;
        let engine = base64::engine::general_purpose::STANDARD;
        engine.decode(text).map_err(|_| malformed("must be base64 where isBase64Encoded is true"))
    } else {
        Ok(text.as_bytes().to_vec())
    }
}

/// The `Authorization` header of a trigger that came over HTTP.
pub fn authorization(trigger: &Value) -> Option<&str> {
    header(trigger, "authorization")
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

/// API Gateway v2 lowers header names, v1 does not.
fn header<'a>(trigger: &'a Value, name: &str) -> Option<&'a str> {
    let headers = trigger.get("headers")?.as_object()?;
    let found = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.and_then(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_request_comes_out_of_every_trigger() {
        let input = json!({"sandbox_id": "i1"});
        let v2 = json!({"version": "2.0", "routeKey": "$default", "requestContext": {}, "headers": {"idempotency-key": "k"},
            "body": input.to_string(), "isBase64Encoded": false});
        let v1 = json!({"httpMethod": "POST", "requestContext": {}, "headers": {"Idempotency-Key": "k"},
            "body": "eyJzYW5kYm94X2lkIjoiaTEifQ==", "isBase64Encoded": true});
        let plain = json!({"input": input, "idempotency_key": "k"});
        let ids: Vec<_> = [v2, v1, plain]
            .into_iter()
            .map(|trigger| {
                let request = read("status", trigger, Uuid::nil()).1.unwrap();
                assert_eq!(request.input, json!({"sandbox_id": "i1"}));
                request.operation_id
            })
            .collect();
        assert!(ids.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn an_answer_without_an_outcome_says_where_to_ask_again() {
        let unknown = Answer::unknown(Uuid::nil(), "push", "the operation has not ended yet");
        let response = write(Caller::Http, Ok(unknown.clone()));
        assert_eq!(response["statusCode"], 202);
        assert_eq!(response["headers"]["location"], format!("/operations/{}", Uuid::nil()));
        assert_eq!(response["headers"]["retry-after"], "1");
        assert_eq!(write(Caller::Direct, Ok(unknown.clone())), json!(unknown));
        let known = Answer { outcome: Outcome::Failed, ..unknown };
        let response = write(Caller::Http, Ok(known));
        assert_eq!(response["statusCode"], 200);
        assert_eq!(response["headers"], json!({"content-type": "application/json"}));
    }

    #[test]
    fn a_malformed_body_is_rejected_and_named() {
        let trigger = json!({"requestContext": {}, "headers": {}, "body": "{"});
        let (caller, request) = read("status", trigger, Uuid::nil());
        let answer = write(caller, Err(request.unwrap_err()));
        assert_eq!(answer["statusCode"], 400);
        assert!(answer["body"].as_str().unwrap().contains("\"field\":\"body\""));
    }
}
