//! E2B's webhook: whether it is E2B's, and whether it is new. Nothing is recorded of one that is not.
//!
//! E2B signs with plain SHA-256 over secret and body, which whoever knows one signature can extend. What is
//! appended so begins with the byte 0x80 and zeros, so that it is neither text nor JSON, and is not taken.

use base64::Engine;
use gitledger_operations::Rejection;
use gitledger_operations::lifecycle::Notice;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::settings::Webhook;
use crate::{Refusal, Request, World};

/// How old, or how far ahead, what is told may be. E2B tries for half a minute.
pub const WINDOW: SignedDuration = SignedDuration::from_secs(300);

/// The namespace in which E2B's event ids become operation ids.
const EVENTS: Uuid = Uuid::from_u128(0x6769_746c_6564_6765_7220_6532_6220_0001);

/// Checks a webhook and names its operation after E2B's event: delivered again it is a repeat.
pub(crate) fn admit(world: &World, request: &mut Request) -> Result<(), Refusal> {
    let field = |name: &str| request.input.get(name).and_then(Value::as_str).unwrap_or_default();
    let notice = verify(world.webhook.as_ref(), field("body"), field("signature"), world.clock.now())?;
    request.operation_id = Uuid::new_v5(&EVENTS, notice.id.as_bytes());
    request.keyed = true;
    Ok(())
}

/// What tells a repeat: E2B may write the same event down otherwise when it sends it again.
pub(crate) fn same(notice: &Notice) -> Value {
    json!({"event": notice.id, "sandbox_id": notice.sandbox_id})
}

/// The notice, if it was signed with the secret, is about the team, and is neither old nor from the future.
fn verify(
    webhook: Option<&Webhook>,
    body: &str,
    signature: &str,
    now: Timestamp,
) -> Result<Notice, Rejection> {
    let Some(Webhook { secret, team_id }) = webhook else {
        return Err(unsigned("cannot be checked: E2B_WEBHOOK_SECRET is not set"));
    };
    let digest = Sha256::new().chain_update(secret.expose().as_bytes()).chain_update(body.as_bytes());
    let wanted = base64::engine::general_purpose::STANDARD_NO_PAD.encode(digest.finalize());
    // E2B's examples use the URL's alphabet, its servers the plain one.
    let told = signature.trim_end_matches('=').replace('-', "+").replace('_', "/");
    if !bool::from(wanted.as_bytes().ct_eq(told.as_bytes())) {
        return Err(unsigned("is not the signature of this body"));
    }
    let notice = Notice::read(body)?;
    if team_id.is_some() && notice.sandbox_team_id != *team_id {
        let rule = "must be the team of E2B_TEAM_ID".to_owned();
        return Err(Rejection { code: "forbidden", field: "sandbox_team_id".to_owned(), rule });
    }
    if now.duration_since(notice.timestamp).abs() > WINDOW {
        let rule = format!("must be within {} s of now", WINDOW.as_secs());
        return Err(Rejection { code: "stale-webhook", field: "timestamp".to_owned(), rule });
    }
    Ok(notice)
}

fn unsigned(rule: &str) -> Rejection {
    Rejection { code: "bad-signature", field: "e2b-signature".to_owned(), rule: rule.to_owned() }
}
