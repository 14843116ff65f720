//! One request, whatever the trigger was.

use std::time::Duration;

use crate::access::Principal;
use gitledger_events::Actor;
use gitledger_operations::Rejection;
use gitledger_sandboxes::Trace;
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
    /// On whose authority.
    pub principal: Principal,
    /// How long whoever asks waits; what takes longer is left for somebody else to go on with. `None`: to the end.
    pub patience: Option<Duration>,
    /// The trace that it belongs to.
    pub trace: Option<Trace>,
}

impl Request {
    /// The operator's request under the caller's key, or under the new id when there is none. The key may
    /// also stand in the input, as `operation_id`.
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
            principal: Principal::Operator,
            patience: None,
            trace: None,
        })
    }

    /// The same request on this authority; to be said once. An API key has idempotency keys of its own: the
    /// same one from two API keys is two operations, also where it is a UUID.
    #[must_use]
    pub fn by(mut self, principal: Principal) -> Self {
        if let Some(key_id) = principal.key_id() {
            self.actor.key_id = Some(key_id.to_owned());
            if self.keyed {
                self.operation_id = id_by(key_id, self.operation_id);
            }
        }
        self.principal = principal;
        self
    }

    /// The same request from somebody who waits at most this long; the shortest that was said counts.
    #[must_use]
    pub fn patient(mut self, patience: Option<Duration>) -> Self {
        self.patience = self.patience.into_iter().chain(patience).min();
        self
    }

    /// What tells a repeat from another request under the same key.
    pub fn digest(&self) -> String {
        self.digest_of(&self.input)
    }

    /// The same over what stands for the input.
    pub(crate) fn digest_of(&self, input: &Value) -> String {
        digest(&self.operation, input)
    }
}

/// The id of an operation that is asked for under an id of the caller's by whoever holds the API key with this id.
pub fn id_by(key_id: &str, id: Uuid) -> Uuid {
    Uuid::new_v5(&KEYS, &[key_id.as_bytes(), b"\n", id.as_bytes()].concat())
}

/// SHA-256 over name and input. `serde_json` keeps object keys sorted, so equal inputs have equal digests.
pub(crate) fn digest(operation: &str, input: &Value) -> String {
    let mut hash = Sha256::new();
    hash.update(operation.as_bytes());
    hash.update([0]);
    hash.update(input.to_string().as_bytes());
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        use std::fmt::Write;
        let _ = write!(text, "{byte:02x}");
        text
    })
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
    Actor { agent_id: text("agent_id"), task_id: text("task_id"), key_id: None }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::access::Grant;
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
    fn the_same_key_of_two_api_keys_is_two_operations() {
        let by = |api_key: Option<&str>, key: &str| {
            let request = Request::new("push", json!({}), Some(key), Uuid::nil()).unwrap();
            let grant =
                |id: &str| Grant { key_id: id.to_owned(), admin: false, read_only: false, repos: Vec::new() };
            request.by(api_key.map_or(Principal::Operator, |id| Principal::Key(Arc::new(grant(id)))))
        };
        for key in ["retry-7", "0199a0b0-0000-7000-8000-000000000007"] {
            let ids: BTreeSet<_> =
                [None, Some("k1"), Some("k2")].iter().map(|api_key| by(*api_key, key).operation_id).collect();
            assert_eq!(ids.len(), 3, "{key}");
            assert_eq!(by(Some("k1"), key).operation_id, by(Some("k1"), key).operation_id);
        }
        assert_eq!(by(Some("k1"), "x").actor.key_id.as_deref(), Some("k1"));
        let new = Request::new("push", json!({"key_id": "k9"}), None, Uuid::from_u128(5)).unwrap();
        assert_eq!((new.actor.key_id.clone(), new.operation_id), (None, Uuid::from_u128(5)));
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
