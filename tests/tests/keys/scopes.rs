//! What a key may: its own sandboxes, its repositories, reads only, or everything.

use gitledger::remote::Seed;
use gitledger_operations::Declaration;
use gitledger_operations::table;
use gitledger_tests::{Origin, Setup, System};
use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, assert_refused, clone, get, id_of, operate, succeed};

/// A valid input of every operation in a named sandbox.
fn inputs(sandbox_id: &str) -> Vec<(&'static str, Value)> {
    let in_it = |operation: &Declaration| {
        let mut input = operation.example();
        input.get("sandbox_id")?;
        input["sandbox_id"] = json!(sandbox_id);
        Some((operation.name, input))
    };
    table::all().filter_map(in_it).collect()
}

async fn kill(system: &System, key: &str, sandbox_id: &str) -> (u16, Value) {
    ask(system, key, Method::DELETE, &format!("/sandboxes/{sandbox_id}"), &Value::Null).await
}

fn count(live: &Value) -> usize {
    live["sandboxes"].as_array().map_or(usize::MAX, Vec::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_keys_never_meet_in_a_sandbox() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let (one, two) = (setup.key("one", &[]), setup.key("two", &[]));
    let system = setup.start().await;
    let first = clone(&system, &one, &origin.app()).await;
    assert_eq!(clone(&system, &one, &origin.app()).await, first, "its own is used again");
    let before = setup.events();
    for sandbox_id in [first.as_str(), "i0000000000000000nowhere"] {
        for (operation, input) in inputs(sandbox_id) {
            if operation == "sandbox-get" {
                // What is another key's is not there to be looked at.
                let (status, answer) = operate(&system, &two, operation, &input).await;
                assert_eq!((status, &answer["failure"]["code"]), (200, &json!("sandbox-not-found")));
                continue;
            }
            assert_refused(&operate(&system, &two, operation, &input).await, 403, "forbidden", "sandbox_id");
        }
        assert_eq!(get(&system, &two, &format!("/sandboxes/{sandbox_id}")).await.0, 404);
        assert_eq!(kill(&system, &two, sandbox_id).await.0, 404);
    }
    assert_eq!(count(&get(&system, &two, "/sandboxes").await.1), 0);
    // Its operations are not there for another key either.
    let listed =
        async |key| succeed(&system, key, "operation-list", &json!({})).await["output"]["operations"].clone();
    let own = listed(&one).await;
    assert_eq!((own.as_array().map(Vec::len), listed(&two).await), (Some(2), json!([])));
    for operation in ["operation-get", "operation-cancel"] {
        let (status, answer) = operate(&system, &two, operation, &json!({"id": own[0]["id"]})).await;
        assert_eq!((status, &answer["failure"]["code"]), (200, &json!("operation-not-found")), "{answer:#}");
    }
    assert_eq!(setup.events(), before, "something was recorded");

    // The same repository, agent and task: another sandbox for each, and another for who has no key.
    let second = clone(&system, &two, &origin.app()).await;
    let input = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
    let third = system.operate("clone", &input).await["output"]["sandbox_id"].clone();
    assert!(first != second && json!(first) != third && json!(second) != third);
    for (key, own) in [(&one, &first), (&two, &second)] {
        let (_, live) = get(&system, key, "/sandboxes").await;
        assert_eq!((count(&live), &live["sandboxes"][0]["sandbox_id"]), (1, &json!(own)), "{live:#}");
        succeed(&system, key, "status", &json!({"sandbox_id": own})).await;
    }
    // The operator works in all of them, and they stay whose they are.
    system.operate("file-write", &json!({"sandbox_id": first, "path": "x", "content": "x"})).await;
    succeed(&system, &one, "status", &json!({"sandbox_id": first})).await;
    assert_eq!(clone(&system, &one, &origin.app()).await, first);
    assert_eq!(kill(&system, &one, &first).await.0, 204);
    // Whose it was is known when it is gone, too.
    let ended = json!({"sandbox_id": first});
    assert_eq!(operate(&system, &one, "status", &ended).await.1["failure"]["code"], "sandbox-not-found");
    assert_refused(&operate(&system, &two, "status", &ended).await, 403, "forbidden", "sandbox_id");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_of_two_keys_is_two_operations() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let keys = [setup.key("one", &[]), setup.key("two", &[])];
    let system = setup.start().await;
    let input = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
    for idempotency_key in ["retry-1", "0199a0b0-0000-7000-8000-000000000007"] {
        let mut answers = Vec::new();
        for key in &keys {
            let request = || {
                let request = system.request(Method::POST, "/git/clone").bearer_auth(key);
                request.header("Idempotency-Key", idempotency_key).json(&input)
            };
            let (_, first) = system.send(request()).await;
            let (_, again) = system.send(request()).await;
            assert_eq!((&first["replayed"], &again["replayed"]), (&json!(false), &json!(true)), "{first:#}");
            assert_eq!(first["output"], again["output"]);
            answers.push(first);
        }
        assert_ne!(answers[0]["operation_id"], answers[1]["operation_id"]);
        assert_ne!(answers[0]["output"]["sandbox_id"], answers[1]["output"]["sandbox_id"]);
        let (_, operators) = system.post_once("/git/clone", idempotency_key, &input).await;
        assert_eq!(operators["replayed"], json!(false), "{operators:#}");
        // Nor by asking for the other's operation.
        for (key, mine, theirs) in [(&keys[0], 0, 1), (&keys[1], 1, 0)] {
            let path = |answer: &Value| {
                format!("/operations/{}", answer["operation_id"].as_str().unwrap_or_default())
            };
            assert_eq!(get(&system, key, &path(&answers[mine])).await.0, 200);
            assert_eq!(get(&system, key, &path(&answers[theirs])).await.0, 404);
            assert_eq!(get(&system, key, &path(&operators)).await.0, 404);
        }
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_repositories_gets_no_other() {
    let origin = Origin::start().await;
    origin.create("other/app", &Seed::generated());
    let setup = Setup::new().admitting(&origin);
    let pattern = format!("{}/acme/*", origin.authority());
    let key = setup.key("acme", &["--repo", &pattern]);
    let system = setup.start().await;
    let sandbox_id = clone(&system, &key, &origin.app()).await;
    succeed(&system, &key, "status", &json!({"sandbox_id": sandbox_id})).await;
    let (before, requests) = (setup.events(), origin.remote.requests());
    for name in ["other/app", "acme-evil/app", "ACME/app", "other/acme/app"] {
        let url = origin.remote.repository_url(name);
        let input = json!({"repo_url": url, "agent_id": "a1", "task_id": "t1"});
        assert_refused(&operate(&system, &key, "clone", &input).await, 403, "forbidden", "repo_url");
    }
    for path in ["/events", "/metrics"] {
        assert_refused(&get(&system, &key, path).await, 403, "forbidden", "route");
    }
    assert_eq!(setup.events(), before, "something was recorded");
    assert_eq!(origin.remote.requests(), requests, "the remote was asked");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_only_reads_sees_everything_of_its_repositories_and_changes_nothing() {
    let origin = Origin::start().await;
    origin.create("other/app", &Seed::generated());
    let setup = Setup::new().admitting(&origin);
    let worker = setup.key("worker", &[]);
    let reader = setup.key("reader", &["--read-only"]);
    let of_acme = format!("{}/acme/*", origin.authority());
    let scoped = setup.key("scoped", &["--read-only", "--repo", &of_acme]);
    let system = setup.start().await;
    let acme = clone(&system, &worker, &origin.app()).await;
    let other = clone(&system, &worker, &origin.remote.repository_url("other/app")).await;
    let before = setup.events();
    let input = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
    assert_refused(&operate(&system, &reader, "clone", &input).await, 403, "forbidden", "operation");
    let writes = table::all().filter(|operation| json!(operation.effect) != "reads");
    let writes: Vec<_> = writes.map(|operation| operation.name).collect();
    for (operation, input) in inputs(&acme) {
        if writes.contains(&operation) {
            assert_refused(
                &operate(&system, &reader, operation, &input).await,
                403,
                "forbidden",
                "operation",
            );
        }
    }
    assert_refused(&kill(&system, &reader, &acme).await, 403, "forbidden", "method");
    assert_eq!(setup.events(), before, "something was recorded");
    for (operation, input) in inputs(&acme).into_iter().chain(inputs(&other)) {
        if !writes.contains(&operation) {
            // It looks, whatever there is to be seen.
            let (status, answer) = operate(&system, &reader, operation, &input).await;
            assert!(status == 200 && answer["outcome"].is_string(), "{operation}: {status} {answer:#}");
        }
    }
    assert_eq!(count(&get(&system, &reader, "/sandboxes").await.1), 2);
    assert_eq!(count(&get(&system, &scoped, "/sandboxes").await.1), 1);
    succeed(&system, &scoped, "status", &json!({"sandbox_id": acme})).await;
    let refused = operate(&system, &scoped, "status", &json!({"sandbox_id": other})).await;
    assert_refused(&refused, 403, "forbidden", "sandbox_id");
    for path in ["/events", "/metrics"] {
        assert_eq!(get(&system, &reader, path).await.0, 200, "{path}");
        assert_eq!(get(&system, &scoped, path).await.0, 403, "{path}");
        assert_eq!(get(&system, &worker, path).await.0, 403, "{path}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_may_everything_and_every_event_says_whose_key_it_was() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let (worker, admin) = (setup.key("worker", &[]), setup.key("ops", &["--admin"]));
    let system = setup.start_with(&["--require-keys"]).await;
    let sandbox_id = clone(&system, &worker, &origin.app()).await;
    let events = setup.events();
    assert!(events.len() >= 4);
    for event in &events {
        assert!(event["keyid"] == id_of(&worker), "{event:#}");
    }
    for (operation, input) in [
        ("file-write", json!({"sandbox_id": sandbox_id, "path": "x", "content": "x"})),
        ("status", json!({"sandbox_id": sandbox_id})),
    ] {
        succeed(&system, &admin, operation, &input).await;
    }
    let later = setup.events();
    assert!(later[events.len()..].iter().all(|event| event["keyid"] == id_of(&admin)));
    for path in ["/events", "/metrics", "/sandboxes"] {
        assert_eq!(get(&system, &admin, path).await.0, 200, "{path}");
    }
    assert_eq!(get(&system, &admin, "/nothing").await.0, 404);
    assert_eq!(kill(&system, &admin, &sandbox_id).await.0, 204);
    system.stop().await;
}
