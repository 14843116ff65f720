//! Every shape in which a trigger comes, and every way in which it can be wrong.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::*;

/// A sample as AWS sends it.
fn sample(name: &str) -> Value {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/triggers");
    let text = std::fs::read_to_string(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn http_of(name: &str) -> Http {
    match Trigger::read(sample(name)) {
        Ok(Trigger::Http(http)) => *http,
        other => panic!("{name} is {other:?}"),
    }
}

const STATUS: &str = "git-status.";

#[test]
fn the_same_request_comes_out_of_every_door() {
    for (door, patience) in
        [("api-gateway-v2", Some(25)), ("api-gateway-v1", Some(25)), ("function-url", None)]
    {
        let http = http_of(&format!("{STATUS}{door}.json"));
        assert_eq!((http.method.as_str(), http.path.as_str()), ("POST", "/git/status"), "{door}");
        let request = of_http("status", &http, Uuid::nil()).unwrap();
        assert_eq!(request.input, json!({"sandbox_id": "SANDBOX_ID"}), "{door}");
        assert!(request.keyed, "{door}");
        assert_eq!(request.patience, patience.map(Duration::from_secs), "{door}");
    }
    let key = |door: &str| of_http("status", &http_of(&format!("{STATUS}{door}.json")), Uuid::nil()).unwrap();
    assert_eq!(key("api-gateway-v2").operation_id, key("api-gateway-v1").operation_id);
    let direct = of_json("status", sample("git-status.json"), Uuid::nil()).unwrap();
    assert_eq!(direct.input, json!({"sandbox_id": "SANDBOX_ID"}));
}

#[test]
fn a_message_that_is_delivered_twice_is_one_operation() {
    let read = || match Trigger::read(sample("git-status.sqs.json")) {
        Ok(Trigger::Queue(messages)) => messages,
        other => panic!("{other:?}"),
    };
    let requests = |messages: Vec<Message>| -> Vec<Request> {
        messages.into_iter().map(|message| of_message("status", message, Uuid::nil()).unwrap()).collect()
    };
    let (first, again) = (requests(read()), requests(read()));
    assert_eq!(first.len(), 3);
    for (first, again) in first.iter().zip(&again) {
        assert_eq!(first.operation_id, again.operation_id);
        assert_eq!(first.input, json!({"sandbox_id": "SANDBOX_ID"}));
        assert!(first.keyed);
    }
    let traces = first.iter().map(|request| request.trace.map(|trace| trace.id.simple().to_string()));
    assert_eq!(
        traces.collect::<Vec<_>>(),
        [Some("5759e988bd862e3fe1be46a994272793".to_owned()), None, None],
        "of who has sent the message"
    );
    assert_ne!(first[0].operation_id, first[1].operation_id);
    assert_ne!(first[1].operation_id, first[2].operation_id);
}

#[test]
fn a_message_that_is_no_request_is_refused_by_itself() {
    let message = |body: Value| Message { id: "m1".to_owned(), body, key: None, trace: None };
    assert!(of_message("status", message(json!({})), Uuid::nil()).unwrap().keyed);
    for body in [json!("no JSON"), json!(7), json!([])] {
        let request = of_message("status", message(body.clone()), Uuid::nil());
        let remotes = gitledger_operations::Remotes::default();
        let asked = request.map(|request| table::find("status").unwrap().ask(request.input, &remotes));
        assert!(matches!(asked, Ok(Err(_))), "{body}");
    }
}

#[test]
fn a_caller_without_headers_says_its_key_beside_the_input() {
    let request = of_json("clone", sample("git-clone.json"), Uuid::nil()).unwrap();
    assert!(request.keyed);
    assert_eq!(request.input, sample("git-clone.json")["input"]);
}

/// With this and the body the sample is signed.
const WEBHOOK_SECRET: &str = "webhook-secret-of-the-samples";

#[test]
fn a_webhook_is_its_body_byte_by_byte_and_what_signs_it() {
    let name = "sandbox-lifecycle.api-gateway-v2.json";
    let http = http_of(name);
    assert_eq!((http.method.as_str(), http.path.as_str()), ("POST", "/sandbox/lifecycle"));
    assert_eq!(http.authority, None);
    let input = of_http("sandbox-lifecycle", &http, Uuid::nil()).unwrap().input;
    assert_eq!(input["body"], sample(name)["body"]);
    let signed = Sha256::digest(format!("{WEBHOOK_SECRET}{}", input["body"].as_str().unwrap()));
    assert_eq!(input["signature"], STANDARD_NO_PAD.encode(signed));
    assert_eq!(input["signature_version"], "v1");

    let operation = table::find("sandbox-lifecycle").unwrap();
    let remotes = gitledger_operations::Remotes::default();
    let asked = operation.ask(input, &remotes).unwrap_or_else(|rejection| panic!("{rejection}"));
    assert_eq!(asked.recorded_input()["sandbox_id"], "i7q2w4e6r8t0y1u3i5o7p");
}

/// Whoever the log's stream wakes reads the log by itself.
#[test]
fn a_batch_of_the_log_has_keys_and_no_images() {
    for name in ["projector.json", "feed.json"] {
        let Ok(Trigger::Changes(changes)) = Trigger::read(sample(name)) else { panic!("{name}") };
        assert_eq!(changes.len(), 2, "{name}");
        for change in changes {
            assert_eq!(change.stream(), Some("log"), "{name}");
            let told = &change.record["dynamodb"];
            assert_eq!(told["SequenceNumber"], change.sequence_number, "{name}");
            assert_eq!(told["StreamViewType"], "KEYS_ONLY", "{name}");
            assert!(told.get("NewImage").is_none() && told.get("OldImage").is_none(), "{name}");
        }
    }
}

#[test]
fn changes_of_a_table_come_with_their_places() {
    let Ok(Trigger::Changes(changes)) = Trigger::read(sample("sequencer.json")) else { panic!("no changes") };
    assert!(changes.iter().all(|change| !change.sequence_number.is_empty()));
    assert!(changes[0].stream().is_some_and(|stream| stream.starts_with("operation-")));
}

#[test]
fn a_schedule_asks_for_nothing() {
    assert_eq!(Trigger::read(sample("schedule.json")).unwrap(), Trigger::Schedule);
}

/// One field of a good trigger made wrong: the field that is named, and the status.
#[test]
fn what_is_malformed_is_refused_and_named() {
    let v2 = "git-status.api-gateway-v2.json";
    let v1 = "git-status.api-gateway-v1.json";
    for (name, at, value, field, status) in [
        (v2, "/requestContext", json!("x"), "requestContext", 400),
        (v2, "/requestContext/http", Value::Null, "requestContext.http.method", 400),
        (v2, "/requestContext/http/method", json!(7), "requestContext.http.method", 400),
        (v2, "/requestContext/http/method", json!("GET"), "method", 405),
        (v2, "/requestContext/http/method", json!("OPTIONS"), "method", 405),
        (v2, "/headers", json!([]), "headers", 400),
        (v2, "/headers/content-type", json!(7), "headers", 400),
        (v2, "/headers/idempotency-key", json!(""), "Idempotency-Key", 400),
        (v2, "/body", json!({}), "body", 400),
        (v2, "/body", json!("{"), "body", 400),
        (v2, "/isBase64Encoded", json!("yes"), "isBase64Encoded", 400),
        (v2, "/isBase64Encoded", json!(true), "body", 400),
        (v1, "/httpMethod", json!("PUT"), "method", 405),
        (v1, "/httpMethod", Value::Null, "httpMethod", 400),
        (v1, "/path", json!([]), "path", 400),
        (v1, "/body", json!("not base64!"), "body", 400),
    ] {
        let mut event = sample(name);
        *event.pointer_mut(at).unwrap_or_else(|| panic!("{name} has no {at}")) = value.clone();
        let caller = Trigger::caller(&event);
        let request = match Trigger::read(event) {
            Ok(Trigger::Http(http)) => of_http("status", &http, Uuid::nil()),
            Ok(other) => panic!("{name} with {at} = {value} is {other:?}"),
            Err(refusal) => Err(refusal),
        };
        let refusal = request.err().unwrap_or_else(|| panic!("{name} with {at} = {value} is taken"));
        let response = write(caller, Err(refusal));
        assert_eq!(response["statusCode"], status, "{name} with {at} = {value}: {response:#}");
        assert_eq!(response["headers"]["content-type"], "application/problem+json");
        let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["field"], field, "{name} with {at} = {value}: {body:#}");
    }
}

#[test]
fn records_of_nowhere_are_refused() {
    for records in [
        json!([]),
        json!([{}]),
        json!([{"eventSource": "aws:s3"}]),
        json!("x"),
        json!([{"eventSource": "aws:sqs"}]),
    ] {
        assert!(Trigger::read(json!({"Records": records})).is_err(), "{records}");
    }
}

#[test]
fn an_answer_without_an_outcome_says_where_to_ask_again() {
    let unknown = Answer::unknown(Uuid::nil(), "push", "the operation has not ended yet");
    let response = write(Caller::Http, Ok(unknown.clone()));
    assert_eq!(response["statusCode"], 202);
    assert_eq!(response["headers"]["location"], format!("/operations/{}", Uuid::nil()));
    assert_eq!(response["headers"]["retry-after"], "1");
    assert_eq!(write(Caller::Direct, Ok(unknown.clone())), json!(unknown));
    // A REST API takes no field that it does not know; `cargo lambda watch` none less than all.
    assert_eq!(response["cookies"], json!([]));
    assert_eq!(write(Caller::Rest, Ok(unknown.clone())).get("cookies"), None);
    let known = Answer { outcome: Outcome::Failed, ..unknown };
    let response = write(Caller::Http, Ok(known));
    assert_eq!(response["statusCode"], 200);
    assert_eq!(response["headers"], json!({"content-type": "application/json"}));
}
