//! One request, whatever the trigger was.

use gitledger_events::Actor;
use gitledger_operations::Rejection;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The longest `Idempotency-Key`, in bytes.
pub const KEY_BYTES_MAX: usize = 255;

/// The namespace in which keys that are no UUIDs become operation ids.
const KEYS: Uuid = Uuid::from_u128(0x6769_746c_6564_6765_7220_6b65_7973_0001);

/// What is asked, by whom, under which id.
#[derive(Clone, Debug)]
pub struct Request {
    /// The operation's id: the caller's key, or new.
    pub operation_id: Uuid,
    /// True when the id came from the caller, so that it may have been used before.
    pub keyed: bool,
    /// The operation's name.
    pub operation: String,
    /// Who asks; what is missing is taken from the input or from the workspace.
    pub actor: Actor,
    /// The input, not yet checked.
    pub input: Value,
}

impl Request {
    /// A request under the caller's key, or under the new id when there is none. The key may also stand in
    /// the input, as `operation_id`.
    pub fn new(
        operation: impl Into<String>,
        mut input: Value,
        key: Option<&str>,
        new_id: Uuid,
    ) -> Result<Self, Rejection> {
        let within = named_in(&mut input)?;
        let operation_id = key.map(operation_id).transpose()?;
        if let (Some(within), Some(key)) = (within, operation_id)
            && within != key
        {
            return Err(Rejection::argument(
                "operation_id",
                "must be the Idempotency-Key where both are given",
            ));
        }
        let operation_id = operation_id.or(within);
        Ok(Self {
            operation_id: operation_id.unwrap_or(new_id),
            keyed: operation_id.is_some(),
            operation: operation.into(),
            actor: actor_in(&input),
            input,
        })
    }

    /// What tells a repeat from another request under the same key: SHA-256 over name and input.
    /// `serde_json` keeps object keys sorted, so equal inputs have equal digests.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.operation.as_bytes());
        hash.update([0]);
        hash.update(self.input.to_string().as_bytes());
        hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            use std::fmt::Write;
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// The operation id of a key: the key itself when it is a UUID, else derived from it.
fn operation_id(key: &str) -> Result<Uuid, Rejection> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX || key.chars().any(char::is_control) {
        let rule = format!("must be 1 to {KEY_BYTES_MAX} bytes without control characters");
        return Err(Rejection::argument("Idempotency-Key", rule));
    }
    Ok(key.parse().unwrap_or_else(|_| Uuid::new_v5(&KEYS, key.as_bytes())))
}

/// The id that the caller gives the operation in its input, taken out of it.
fn named_in(input: &mut Value) -> Result<Option<Uuid>, Rejection> {
    let named = input.as_object_mut().and_then(|fields| fields.remove("operation_id"));
    let Some(named) = named else { return Ok(None) };
    let id = named.as_str().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| Rejection::argument("operation_id", "must be a UUID"))
}

fn actor_in(input: &Value) -> Actor {
    let text = |field: &str| input.get(field).and_then(Value::as_str).map(str::to_owned);
    Actor { agent_id: text("agent_id"), task_id: text("task_id") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_same_key_is_the_same_operation_and_another_key_is_not() {
        let of = |key| Request::new("push", json!({}), Some(key), Uuid::nil()).unwrap().operation_id;
        assert_eq!(of("retry-7"), of("retry-7"));
        assert_ne!(of("retry-7"), of("retry-8"));
        let id = Uuid::from_u128(7);
        assert_eq!(of(&id.to_string()), id);
    }

    #[test]
    fn an_id_in_the_input_is_a_key_too_and_must_not_contradict_the_header() {
        let id = Uuid::from_u128(7);
        let of = |id: Value, key: Option<&str>| {
            Request::new("push", json!({"operation_id": id, "a": 1}), key, Uuid::nil())
        };
        let request = of(json!(id), None).unwrap();
        assert_eq!((request.operation_id, request.keyed, request.input), (id, true, json!({"a": 1})));
        assert!(of(json!(id), Some(&id.to_string())).is_ok());
        assert!(of(json!(id), Some("other")).is_err());
        assert_eq!(of(json!(7), None).unwrap_err().field, "operation_id");
    }

    #[test]
    fn the_order_of_fields_does_not_make_another_request() {
        let of = |input: &str| {
            Request::new("push", serde_json::from_str(input).unwrap(), None, Uuid::nil()).unwrap().digest()
        };
        assert_eq!(of(r#"{"a":1,"b":2}"#), of(r#"{"b":2,"a":1}"#));
        assert_ne!(of(r#"{"a":1}"#), of(r#"{"a":2}"#));
    }
}
