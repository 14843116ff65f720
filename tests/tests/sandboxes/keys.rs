//! Whose sandboxes an API key may have to do with.

use gitledger_tests::{Origin, System, system};
use reqwest::Method;
use serde_json::{Value, json};

use super::with_policy;

async fn ask(system: &System, key: &str, operation: &str, input: &Value) -> (u16, Value) {
    let request = system.request(Method::POST, &system::path(operation)).bearer_auth(key).json(input);
    system.send(request).await
}

async fn ids(system: &System, key: &str) -> Vec<String> {
    let (_, answer) = ask(system, key, "sandbox-list", &json!({})).await;
    let all = answer["output"]["sandboxes"].as_array().expect("a list").clone();
    all.iter().map(|one| one["sandbox_id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_to_do_with_its_own_sandboxes_and_only_an_admins_with_all() {
    let origin = Origin::start().await;
    let setup = with_policy(&origin, "reuse = \"repo\"\nshare_after_s = 0\ntrust = [[\"*\"]]\n");
    let (one, two) = (setup.key("one", &[]), setup.key("two", &[]));
    let (reader, admin) = (setup.key("reader", &["--read-only"]), setup.key("ops", &["--admin"]));
    let pattern = format!("{}/acme/*", origin.authority());
    let scoped = setup.key("scoped", &["--repo", &pattern]);
    let system = setup.start_with(&["--require-keys"]).await;
    let asked = json!({"agent_id": "a1", "task_id": "t1"});
    // One of the pool is nobody's, and then his who takes it.
    let (_, warmed) = ask(&system, &admin, "sandbox-warm", &json!({"pool": 1})).await;
    assert_eq!(warmed["output"], json!({"made": 1, "failed": 0, "waiting": 1}), "{warmed:#}");
    assert_eq!(ids(&system, &one).await, [""; 0]);
    let (_, made) = ask(&system, &one, "sandbox-create", &asked).await;
    assert_eq!(made["output"]["reuse"], "warm", "{made:#}");
    let id = made["output"]["sandbox_id"].as_str().expect("a sandbox").to_owned();
    assert_eq!(ids(&system, &one).await, [id.as_str()]);
    for stranger in [&two, &scoped] {
        assert_eq!(ids(&system, stranger).await, [""; 0]);
        for operation in ["sandbox-pause", "sandbox-resume", "sandbox-keep-alive", "sandbox-kill"] {
            let (status, refused) = ask(&system, stranger, operation, &json!({"sandbox_id": id})).await;
            assert_eq!((status, &refused["field"]), (403, &json!("sandbox_id")), "{refused:#}");
        }
        let (_, told) = ask(&system, stranger, "sandbox-get", &json!({"sandbox_id": id})).await;
        assert_eq!(told["failure"]["code"], "sandbox-not-found");
    }
    // However much the agents trust each other: another key's sandbox is not shared.
    let clone = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
    let (_, cloned) = ask(&system, &one, "clone", &clone).await;
    assert_eq!(cloned["output"]["sandbox_id"], json!(id), "{cloned:#}");
    let (_, theirs) = ask(&system, &two, "clone", &clone).await;
    assert_ne!(theirs["output"]["sandbox_id"], json!(id));

    assert_eq!(ids(&system, &reader).await.len(), 2);
    for (operation, input) in [
        ("sandbox-create", asked.clone()),
        ("sandbox-kill", json!({"sandbox_id": id})),
        ("sandbox-reap", json!({})),
    ] {
        assert_eq!(ask(&system, &reader, operation, &input).await.0, 403, "{operation}");
    }
    for keeping in ["sandbox-warm", "sandbox-reap"] {
        assert_eq!(ask(&system, &one, keeping, &json!({})).await.0, 403, "{keeping}");
        assert_eq!(ask(&system, &admin, keeping, &json!({})).await.0, 200, "{keeping}");
    }
    let (status, refused) = ask(&system, &scoped, "sandbox-create", &asked).await;
    assert_eq!((status, &refused["field"]), (403, &json!("repo_url")), "{refused:#}");
    let for_repo = json!({"agent_id": "a1", "task_id": "t1", "repo_url": origin.app()});
    let (_, made) = ask(&system, &scoped, "sandbox-create", &for_repo).await;
    let own = made["output"]["sandbox_id"].clone();
    let (_, paused) = ask(&system, &scoped, "sandbox-pause", &json!({"sandbox_id": own})).await;
    assert_eq!(paused["output"]["paused"], true, "{paused:#}");
    let (_, killed) = ask(&system, &admin, "sandbox-kill", &json!({"sandbox_id": id})).await;
    assert_eq!(killed["output"]["killed"], true, "{killed:#}");
    system.stop().await;
}
