//! An HTTP request as API Gateway (HTTP API v2, REST v1) and Function URLs tell it.
//!
//! Deliberately absent: dispatch on `routeKey`. One function is one operation, so the route says nothing
//! that the function does not know; cargo-lambda sends `$default` for every route.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use gitledger_operations::Rejection;
use serde_json::Value;

use super::malformed;
use crate::Refusal;
use crate::access::Grant;

/// A request over HTTP, whoever passed it on.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// In upper case.
    pub method: String,
    /// Without the stage that REST APIs and named stages put before it.
    pub path: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    /// Decoded.
    pub body: Vec<u8>,
    /// Who passed it on.
    pub door: Door,
    /// What an authoriser before the function has said.
    pub authority: Option<Authority>,
}

/// Where an HTTP request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// API Gateway, HTTP or REST API: it answers by itself when a function takes too long.
    Gateway,
    /// The function's own URL, which waits for as long as the function may run.
    FunctionUrl,
}

impl Door {
    /// How long an answer is waited for: a gateway's 29 or 30 s less the way there and back.
    pub fn patience(self) -> Option<Duration> {
        match self {
            Self::Gateway => Some(Duration::from_secs(25)),
            Self::FunctionUrl => None,
        }
    }
}

/// Who was let in before the function was invoked. Only what invokes the function can write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// IAM has checked a signature.
    Iam,
    /// The function `authorizer` has checked an API key, and this is what it may.
    Key(Box<Grant>),
}

/// Whether a trigger is an HTTP request. An input of ours has no field of this name.
pub(super) fn is_http(trigger: &Value) -> bool {
    trigger.get("requestContext").is_some()
}

/// Whether a request over HTTP has the second payload format.
pub(super) fn is_second(trigger: &Value) -> bool {
    let http = trigger.get("requestContext").and_then(|context| context.get("http"));
    http.is_some() || trigger.get("version") == Some(&Value::from("2.0"))
}

impl Http {
    /// Reads a trigger, or says which part of it is not as it must be.
    pub fn read(trigger: &Value) -> Result<Self, Refusal> {
        let context = trigger.get("requestContext").filter(|context| context.is_object());
        let context = context.ok_or_else(|| wrong("requestContext", "must be an object"))?;
        let second = is_second(trigger);
        let (method, path) = if second {
            let http = context.get("http").ok_or_else(|| wrong("requestContext.http", "is missing"))?;
            (
                text(http, "method", "requestContext.http.method")?,
                text(http, "path", "requestContext.http.path")?,
            )
        } else {
            (text(trigger, "httpMethod", "httpMethod")?, text(trigger, "path", "path")?)
        };
        let stage = context.get("stage").and_then(Value::as_str).unwrap_or_default();
        Ok(Self {
            method: method.to_ascii_uppercase(),
            path: without_stage(path, stage).to_owned(),
            headers: headers(trigger)?,
            body: body(trigger)?,
            door: door(context),
            authority: authority(context)?,
        })
    }

    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// How long whoever asks waits: what the door allows, or less where `Prefer` says so.
    pub fn patience(&self) -> Option<Duration> {
        let asked = self.header("prefer").and_then(prefer);
        match (asked, self.door.patience()) {
            (Some(asked), Some(door)) => Some(asked.min(door)),
            (asked, door) => asked.or(door),
        }
    }
}

/// How long an answer is waited for, as `Prefer` (RFC 7240) says: `wait=10`, `respond-async`, or both. What is
/// not understood is no preference.
pub fn prefer(header: &str) -> Option<Duration> {
    let mut asked = None;
    for preference in header.split([',', ';']) {
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "wait" => {
                if let Ok(seconds) = value.parse::<u32>() {
                    return Some(Duration::from_secs(seconds.into()));
                }
            }
            "respond-async" => asked = Some(Duration::ZERO),
            _ => {}
        }
    }
    asked
}

fn wrong(field: &str, rule: &str) -> Refusal {
    Rejection::argument(field, rule).into()
}

fn text<'a>(within: &'a Value, name: &str, shown: &str) -> Result<&'a str, Refusal> {
    within.get(name).and_then(Value::as_str).ok_or_else(|| wrong(shown, "must be a text"))
}

/// `/prod/git/status` of the stage `prod` is `/git/status`.
fn without_stage<'p>(path: &'p str, stage: &str) -> &'p str {
    let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(stage));
    match rest {
        Some(rest) if !stage.is_empty() && rest.starts_with('/') => rest,
        _ => path,
    }
}

/// API Gateway v2 lowers header names, v1 does not, and tells repeated ones in another field only.
fn headers(trigger: &Value) -> Result<BTreeMap<String, String>, Refusal> {
    let mut found = BTreeMap::new();
    match trigger.get("headers") {
        None | Some(Value::Null) => {}
        Some(Value::Object(all)) => {
            for (name, value) in all {
                let value = value.as_str().ok_or_else(|| wrong("headers", "must be texts"))?;
                found.insert(name.to_ascii_lowercase(), value.to_owned());
            }
        }
        Some(_) => return Err(wrong("headers", "must be an object")),
    }
    let several = trigger.get("multiValueHeaders").and_then(Value::as_object);
    for (name, values) in several.into_iter().flatten() {
        let values: Vec<&str> = values.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let name = name.to_ascii_lowercase();
        if name == "authorization" && values.len() > 1 {
            return Err(Refusal::Unauthenticated { rule: "must be there once".to_owned() });
        }
        if let Some(last) = values.last() {
            found.entry(name).or_insert_with(|| (*last).to_owned());
        }
    }
    Ok(found)
}

fn body(trigger: &Value) -> Result<Vec<u8>, Refusal> {
    let encoded = match trigger.get("isBase64Encoded") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(encoded)) => *encoded,
        Some(_) => return Err(wrong("isBase64Encoded", "must be true or false")),
    };
    let text = match trigger.get("body") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(text)) => text,
        Some(_) => return Err(malformed("must be a text")),
    };
    if !encoded {
        return Ok(text.as_bytes().to_vec());
    }
    let engine = base64::engine::general_purpose::STANDARD;
    engine.decode(text).map_err(|_| malformed("must be base64 where isBase64Encoded is true"))
}

/// A Function URL's domain says so.
fn door(context: &Value) -> Door {
    let domain = context.get("domainName").and_then(Value::as_str).unwrap_or_default();
    if domain.contains(".lambda-url.") { Door::FunctionUrl } else { Door::Gateway }
}

/// v2 tells authorisers by kind, v1 puts what a Lambda authoriser says straight in, and IAM elsewhere.
fn authority(context: &Value) -> Result<Option<Authority>, Refusal> {
    let told = context.get("authorizer").unwrap_or(&Value::Null);
    let grant = told.get("lambda").unwrap_or(told).get("grant").and_then(Value::as_str);
    if let Some(grant) = grant {
        let grant = serde_json::from_str(grant);
        let grant = grant.map_err(|error| Refusal::Fault(format!("the authoriser's grant: {error}")))?;
        return Ok(Some(Authority::Key(Box::new(grant))));
    }
    let signed = told.get("iam").is_some_and(Value::is_object)
        || context.pointer("/identity/userArn").is_some_and(Value::is_string);
    Ok(signed.then_some(Authority::Iam))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stage_is_no_part_of_the_path() {
        assert_eq!(without_stage("/prod/git/status", "prod"), "/git/status");
        assert_eq!(without_stage("/git/status", "prod"), "/git/status");
        assert_eq!(without_stage("/production/x", "prod"), "/production/x");
        assert_eq!(without_stage("/git/status", "$default"), "/git/status");
        assert_eq!(without_stage("/git/status", ""), "/git/status");
    }

    #[test]
    fn a_preference_says_how_long_to_wait() {
        let s = |seconds| Some(Duration::from_secs(seconds));
        for (header, wait) in [
            ("wait=10", s(10)),
            ("respond-async, wait=\"3\"", s(3)),
            ("Wait = 0", s(0)),
            ("respond-async", s(0)),
            ("return=minimal", None),
            ("wait=soon", None),
            ("", None),
        ] {
            assert_eq!(prefer(header), wait, "{header}");
        }
    }

    #[test]
    fn only_the_context_says_who_was_let_in() {
        let grant = json!({"key_id": "k1", "read_only": true}).to_string();
        let v2 = json!({"authorizer": {"lambda": {"grant": grant}}});
        let v1 = json!({"authorizer": {"principalId": "k1", "grant": grant}});
        for context in [v2, v1] {
            let Ok(Some(Authority::Key(found))) = authority(&context) else { panic!("{context}") };
            assert_eq!((found.key_id.as_str(), found.read_only), ("k1", true));
        }
        let iam = json!({"authorizer": {"iam": {"userArn": "arn:aws:iam::1:user/x"}}});
        assert_eq!(authority(&iam).unwrap(), Some(Authority::Iam));
        assert_eq!(
            authority(&json!({"identity": {"userArn": "arn:aws:iam::1:user/x"}})).unwrap(),
            Some(Authority::Iam)
        );
        assert_eq!(authority(&json!({"identity": {"userArn": null}})).unwrap(), None);
        let half = json!({"authorizer": {"lambda": {"grant": "{}"}}});
        assert!(matches!(authority(&half), Err(Refusal::Fault(_))));
    }

    #[test]
    fn a_repeated_authorization_is_nobodys() {
        let trigger = json!({"headers": {"Authorization": "Bearer b"},
            "multiValueHeaders": {"Authorization": ["Bearer a", "Bearer b"], "X": ["1", "2"]}});
        assert!(matches!(headers(&trigger), Err(Refusal::Unauthenticated { .. })));
    }
}
