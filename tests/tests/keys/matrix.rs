//! Every route with every kind of bad key: 401, and nothing happens.

use std::os::unix::fs::PermissionsExt;

use gitledger_operations::table;
use gitledger_tests::{Origin, Setup, System};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{assert_refused, clone, get, id_of};

/// Every route that acts or shows what is recorded, and one that there is not.
fn routes(sandbox_id: &str, operation_id: &str) -> Vec<(Method, String)> {
    // A webhook comes with its signature, and never with a key.
    let keyed = table::all().filter(|operation| !operation.signed);
    let operations = keyed.map(|operation| (Method::POST, operation.path()));
    let others = [
        (Method::GET, format!("/operations/{operation_id}")),
        (Method::GET, "/events".to_owned()),
        (Method::GET, "/events?after=0&wait=30".to_owned()),
        (Method::GET, "/sandboxes".to_owned()),
        (Method::GET, format!("/sandboxes/{sandbox_id}")),
        (Method::DELETE, format!("/sandboxes/{sandbox_id}")),
        (Method::GET, "/metrics".to_owned()),
        (Method::POST, "/metrics".to_owned()),
        (Method::GET, "/nothing".to_owned()),
        (Method::POST, "/git/nothing".to_owned()),
    ];
    operations.chain(others).collect()
}

/// Bad credentials made of a good key: by name, what is done to a request.
fn bad(key: &str, revoked: &str, expired: &str) -> Vec<(&'static str, Vec<String>)> {
    let bearer = |key: &str| vec![format!("Bearer {key}")];
    let (id, secret) = (id_of(key), key.rsplit('_').next().unwrap_or_default());
    let mut flipped = key.to_owned();
    let last = if flipped.pop() == Some('0') { '1' } else { '0' };
    flipped.push(last);
    vec![
        ("none", vec![]),
        ("empty", vec![String::new()]),
        ("no scheme", vec![key.to_owned()]),
        ("another scheme", vec![format!("Basic {key}")]),
        ("scheme only", vec!["Bearer".to_owned()]),
        ("last digit", bearer(&flipped)),
        ("cut", bearer(&key[..key.len() - 1])),
        ("longer", bearer(&format!("{key}0"))),
        ("upper case", bearer(&key.to_uppercase())),
        ("no secret", bearer(&format!("glk_{id}_"))),
        ("no id", bearer(&format!("glk__{secret}"))),
        ("another id", bearer(&format!("glk_{}_{secret}", id_of(revoked)))),
        ("the digest's place", bearer(&format!("glk_{id}_{}", "0".repeat(64)))),
        ("twice in one", vec![format!("Bearer {key}, Bearer {key}")]),
        ("two headers", vec![format!("Bearer {key}"), format!("Bearer {key}")]),
        ("revoked", bearer(revoked)),
        ("expired", bearer(expired)),
    ]
}

fn request(system: &System, route: &(Method, String), body: &Value, headers: &[String]) -> RequestBuilder {
    let request = system.request(route.0.clone(), &route.1);
    let request = if route.0 == Method::POST { request.json(body) } else { request };
    headers.iter().fold(request, |request, header| request.header("Authorization", header))
}

/// Changes the file of keys as an operator with an editor might.
fn edit(setup: &Setup, change: impl FnOnce(&mut Value)) {
    let file = setup.data().join("keys.json");
    let mut keys: Value = serde_json::from_slice(&std::fs::read(&file).expect("the keys")).expect("JSON");
    change(&mut keys);
    std::fs::write(&file, keys.to_string()).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_takes_a_bad_key_and_nothing_happens() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let tenants = [setup.key("one", &[]), setup.key("two", &["--admin"])];
    let (revoked, expired) = (setup.key("revoked", &[]), setup.key("expired", &["--expires", "1d"]));
    assert!(setup.run(&["keys", "revoke", id_of(&revoked)]).status.success());
    edit(&setup, |keys| keys["keys"][3]["expires_at"] = json!("2020-01-01T00:00:00Z"));
    let system = setup.start_with(&["--require-keys"]).await;
    let sandbox_id = clone(&system, &tenants[0], &origin.app()).await;
    let before = setup.events();
    let operation_id = before[0]["correlationid"].as_str().or(before[0]["correlation_id"].as_str());
    let routes = routes(&sandbox_id, operation_id.unwrap_or("00000000-0000-0000-0000-000000000000"));
    let body = json!({"sandbox_id": sandbox_id, "repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
    let (mut asked, requests) = (0, origin.remote.requests());
    for key in &tenants {
        for route in &routes {
            for (name, headers) in bad(key, &revoked, &expired) {
                let answer = request(&system, route, &body, &headers).send().await.expect("an answer");
                let challenge =
                    answer.headers().get("www-authenticate").and_then(|value| value.to_str().ok());
                assert_eq!((answer.status().as_u16(), challenge), (401, Some("Bearer")), "{route:?}, {name}");
                let problem: Value = answer.json().await.expect("a problem");
                assert_eq!(problem["code"], "unauthenticated", "{route:?}, {name}");
                assert!(!problem.to_string().contains("glk_0"), "{problem}");
                asked += 1;
            }
        }
    }
    assert!(asked > 700, "{asked}");
    // A key anywhere else than in its header is none.
    let in_query = format!("/sandboxes?api_key={0}&access_token={0}", tenants[0]);
    assert_eq!(system.get(&in_query).await.0, 401);
    assert_eq!(setup.events(), before, "something was recorded");
    assert_eq!(origin.remote.requests(), requests, "the remote was asked");
    // And with the good key, it was the key.
    let (status, live) = get(&system, &tenants[0], "/sandboxes").await;
    assert_eq!((status, live["sandboxes"].as_array().map(Vec::len)), (200, Some(1)), "{live:#}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_keys_cannot_be_read_nobody_gets_in() {
    let setup = Setup::new();
    let key = setup.key("ops", &["--admin"]);
    let system = setup.start_with(&["--require-keys"]).await;
    let routes = routes("i1", "00000000-0000-0000-0000-000000000000");
    let good = [format!("Bearer {key}")];
    let file = setup.data().join("keys.json");
    let (text, dir) = (std::fs::read(&file).expect("the keys"), setup.data().join("aside"));
    let spoils: [(&str, &dyn Fn()); 4] = [
        ("not JSON", &|| std::fs::write(&file, "{").expect("written")),
        ("a rule of a newer program", &|| edit(&setup, |keys| keys["keys"][0]["hours"] = json!("9-17"))),
        ("written by others", &|| chmod(&file, 0o622)),
        ("a directory", &|| {
            std::fs::rename(&file, &dir).and_then(|()| std::fs::create_dir(&file)).expect("a directory");
        }),
    ];
    for (name, spoil) in spoils {
        spoil();
        for route in &routes {
            let answer = system.send(request(&system, route, &json!({}), &good)).await;
            assert_eq!(answer.0, 503, "{name}: {route:?} {:#}", answer.1);
            assert_eq!(request_status(&system, route, &[]).await, 401, "{name}: {route:?}");
        }
        assert_eq!(system.get("/healthz").await.0, 200);
        let _ = std::fs::remove_dir(&file);
        std::fs::write(&file, &text).expect("written");
        chmod(&file, 0o600);
        assert_eq!(get(&system, &key, "/sandboxes").await.0, 200, "after {name}");
    }
    // No file is no key.
    std::fs::remove_file(&file).expect("removed");
    assert_refused(&get(&system, &key, "/sandboxes").await, 401, "unauthenticated", "Authorization");
    assert_eq!(setup.events().len(), 0);
    system.stop().await;
}

async fn request_status(system: &System, route: &(Method, String), headers: &[String]) -> u16 {
    system.send(request(system, route, &json!({}), headers)).await.0
}

fn chmod(file: &std::path::Path, mode: u32) {
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).expect("permissions");
}
