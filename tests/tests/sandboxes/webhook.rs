//! E2B's webhooks: only what E2B has signed, once, and not believed even then.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE};
use gitledger_tests::{Origin, Setup, System};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{about, behind, clone, stream};

const SECRET: &str = "webhook-secret-71c4";

fn digest(secret: &str, body: &[u8]) -> Vec<u8> {
    Sha256::new().chain_update(secret.as_bytes()).chain_update(body).finalize().to_vec()
}

fn signature(body: &[u8]) -> String {
    STANDARD_NO_PAD.encode(digest(SECRET, body))
}

fn body(id: Uuid, kind: &str, sandbox_id: &str, at: Timestamp) -> String {
    json!({
        "id": id, "version": "v2", "type": format!("sandbox.lifecycle.{kind}"), "timestamp": at.to_string(),
        "event_category": "lifecycle", "event_label": "pause", "event_data": {"sandbox_metadata": {}},
        "sandbox_id": sandbox_id, "sandbox_execution_id": "x", "sandbox_template_id": "base",
        "sandbox_build_id": "b", "sandbox_team_id": "team-1",
    })
    .to_string()
}

async fn send(system: &System, body: &[u8], signature: &str) -> (u16, Value) {
    let request = system.request(Method::POST, "/sandbox/lifecycle");
    let request = request.header("e2b-signature", signature).header("e2b-signature-version", "v1");
    let request = request.header("e2b-delivery-id", Uuid::now_v7().to_string());
    system.send(request.body(body.to_vec())).await
}

async fn deliver(system: &System, kind: &str, sandbox_id: &str) -> Value {
    let body = body(Uuid::now_v7(), kind, sandbox_id, Timestamp::now());
    let (status, answer) = send(system, body.as_bytes(), &signature(body.as_bytes())).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("succeeded")), "{answer:#}");
    answer
}

fn setup(origin: &Origin) -> Setup {
    Setup::new().admitting(origin).with("E2B_WEBHOOK_SECRET", SECRET).with("E2B_TEAM_ID", "team-1")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_makes_the_ledger_see_what_happened_and_a_lie_changes_nothing() {
    let origin = Origin::start().await;
    let setup = setup(&origin);
    // E2B has no key of this system.
    let key = setup.key("ops", &["--admin"]);
    let system = setup.start_with(&["--require-keys"]).await;
    let id = {
        let input = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
        let request = system.request(Method::POST, "/git/clone").bearer_auth(&key).json(&input);
        system.send(request).await.1["output"]["sandbox_id"].as_str().expect("a sandbox").to_owned()
    };
    let host = behind(&system);
    for lie in ["killed", "paused", "created", "checkpointed"] {
        assert_eq!(
            deliver(&system, lie, &id).await["output"],
            json!({"sandbox_id": id, "seen": "unchanged"})
        );
    }
    assert_eq!(deliver(&system, "killed", "i0000000000000000nowhere").await["output"]["seen"], "foreign");
    host.pause(&id).await.expect("paused");
    // Whatever it says: what the host says is what is recorded.
    assert_eq!(deliver(&system, "updated", &id).await["output"]["seen"], "paused");
    host.connect(&id, std::time::Duration::from_mins(30)).await.expect("woken");
    assert_eq!(deliver(&system, "resumed", &id).await["output"]["seen"], "resumed");
    host.set_timeout(&id, std::time::Duration::from_mins(90)).await.expect("extended");
    assert_eq!(deliver(&system, "updated", &id).await["output"]["seen"], "extended");
    host.kill(&id).await.expect("killed");
    let last = deliver(&system, "killed", &id).await;
    assert_eq!(last["output"]["seen"], "ended");
    let told = stream(&setup, &id);
    let wanted = ["SandboxPaused", "SandboxResumed", "SandboxExtended", "SandboxLost"];
    assert!(told.ends_with(&wanted.map(str::to_owned)), "{told:?}");
    let recorded = setup.events();
    let asked = recorded.iter().rfind(|event| event["operation"] == "sandbox-lifecycle").expect("an event");
    assert!(!asked.to_string().contains("signature"), "{asked:#}");
    assert!(!recorded.iter().any(|event| event.to_string().contains(SECRET)));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_webhook_that_is_forged_stale_foreign_or_changed_is_taken() {
    let origin = Origin::start().await;
    let setup = setup(&origin);
    let system = setup.start().await;
    let id = clone(&system, &origin, "a1", "t1", json!({})).await;
    let before = setup.events();
    let good = body(Uuid::now_v7(), "killed", &id, Timestamp::now()).into_bytes();
    let signed = signature(&good);
    let refused = async |what: &str, body: &[u8], signature: &str, status: u16| {
        let (told, answer) = send(&system, body, signature).await;
        assert_eq!(told, status, "{what}: {answer:#}");
    };
    // Every bit of the signature, and a bit of every byte of the body.
    for bit in 0..good.len() * 8 {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let status = if std::str::from_utf8(&flipped).is_ok() { 401 } else { 400 };
        refused("a flipped bit", &flipped, &signed, status).await;
    }
    for bit in 0..256 {
        let mut flipped = digest(SECRET, &good);
        flipped[bit / 8] ^= 1 << (bit % 8);
        refused("a flipped signature", &good, &STANDARD_NO_PAD.encode(flipped), 401).await;
    }
    for (what, signature) in [
        ("none", String::new()),
        ("half of it", signed[..20].to_owned()),
        ("twice", format!("{signed}{signed}")),
        ("of another secret", STANDARD_NO_PAD.encode(digest("other", &good))),
        ("without a secret", STANDARD_NO_PAD.encode(digest("", &good))),
    ] {
        refused(what, &good, &signature, 401).await;
    }
    // What can be appended without knowing the secret begins like this; here even its signature is right.
    let mut longer = good.clone();
    longer.extend([0x80, 0, 0, 0]);
    longer.extend((8 * (SECRET.len() + good.len()) as u64).to_be_bytes());
    longer.extend(b"{\"more\": 1}");
    refused("an extension", &longer, &signature(&longer), 400).await;
    for twice in [[good.as_slice(), b" {}"].concat(), [b"[".as_slice(), &good, b"]"].concat()] {
        refused("no single object", &twice, &signature(&twice), 400).await;
    }
    for seconds in [-301, -3600, 301, 86_400] {
        let at = Timestamp::now() + SignedDuration::from_secs(seconds);
        let stale = body(Uuid::now_v7(), "killed", &id, at).into_bytes();
        refused("stale", &stale, &signature(&stale), 400).await;
    }
    let foreign = String::from_utf8(good.clone()).expect("text").replace("team-1", "team-2").into_bytes();
    refused("a foreign team", &foreign, &signature(&foreign), 403).await;
    let request = system.request(Method::POST, "/sandbox/lifecycle").header("e2b-signature", &signed);
    let (status, _) = system.send(request.header("e2b-signature-version", "v2").body(good.clone())).await;
    assert_eq!(status, 400);
    assert_eq!(setup.events(), before, "something was recorded");
    assert_eq!(about(&system, "sandbox-get", &id).await["phase"], "running");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_delivered_again_is_done_once() {
    let origin = Origin::start().await;
    let setup = setup(&origin);
    let system = setup.start().await;
    let id = clone(&system, &origin, "a1", "t1", json!({})).await;
    let host = behind(&system);
    host.pause(&id).await.expect("paused");
    let event = body(Uuid::now_v7(), "paused", &id, Timestamp::now());
    let (_, first) = send(&system, event.as_bytes(), &signature(event.as_bytes())).await;
    assert_eq!((&first["output"]["seen"], &first["replayed"]), (&json!("paused"), &json!(false)));
    let before = setup.events();
    // Meanwhile it runs again: the old word for it is not looked at any more. Written down otherwise, and in the
    // other alphabet, it is the same event.
    host.connect(&id, std::time::Duration::from_mins(30)).await.expect("woken");
    let other = event.replacen('{', "{ ", 1);
    let url_safe = URL_SAFE.encode(digest(SECRET, other.as_bytes()));
    for (body, signature) in [(&event, signature(event.as_bytes())), (&other, url_safe)] {
        let (status, again) = send(&system, body.as_bytes(), &signature).await;
        assert_eq!((status, &again["replayed"], &again["output"]), (200, &json!(true), &first["output"]));
    }
    assert_eq!(setup.events(), before, "something was recorded");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_secret_no_webhook_is_taken() {
    let setup = Setup::new();
    let system = setup.start().await;
    let event = body(Uuid::now_v7(), "killed", "i1", Timestamp::now());
    let (status, problem) =
        send(&system, event.as_bytes(), &STANDARD_NO_PAD.encode(digest("", event.as_bytes()))).await;
    assert_eq!((status, &problem["code"]), (401, &json!("bad-signature")), "{problem:#}");
    assert_eq!(setup.events().len(), 0);
    system.stop().await;
}
