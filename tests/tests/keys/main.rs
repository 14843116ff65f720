//! API keys, with the real program: who gets in, what they may, and that a key is found nowhere afterwards.

mod matrix;
mod scopes;
mod secret;
mod start;

use gitledger_tests::System;
use reqwest::Method;
use serde_json::{Value, json};

/// The id in a key.
fn id_of(key: &str) -> &str {
    key.split('_').nth(1).expect("a key")
}

/// Asks with a key; status and body.
async fn ask(system: &System, key: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let request = system.request(method.clone(), path).bearer_auth(key);
    let request = if method == Method::GET { request } else { request.json(body) };
    system.send(request).await
}

async fn get(system: &System, key: &str, path: &str) -> (u16, Value) {
    ask(system, key, Method::GET, path, &Value::Null).await
}

async fn operate(system: &System, key: &str, operation: &str, input: &Value) -> (u16, Value) {
    ask(system, key, Method::POST, &gitledger_tests::system::path(operation), input).await
}

/// An operation that must succeed.
async fn succeed(system: &System, key: &str, operation: &str, input: &Value) -> Value {
    let (status, answer) = operate(system, key, operation, input).await;
    assert!(status == 200 && answer["outcome"] == "succeeded", "{operation}: {status} {answer:#}");
    answer
}

/// A clone that must succeed; its sandbox.
async fn clone(system: &System, key: &str, repo_url: &str) -> String {
    let input = json!({"repo_url": repo_url, "agent_id": "a1", "task_id": "t1"});
    let answer = succeed(system, key, "clone", &input).await;
    answer["output"]["sandbox_id"].as_str().expect("a sandbox").to_owned()
}

/// A refusal with its code and field.
fn assert_refused(answer: &(u16, Value), status: u16, code: &str, field: &str) {
    let (found, problem) = answer;
    assert_eq!(
        (*found, problem["code"].as_str(), problem["field"].as_str()),
        (status, Some(code), Some(field))
    );
}
