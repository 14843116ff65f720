//! Where keys are required, and where not.

use gitledger_tests::{Origin, Setup};
use serde_json::json;

use super::{assert_refused, clone, get, id_of};

/// `gitledger up` there ends with a complaint; what it says.
fn refused_start(setup: &Setup, arguments: &[&str]) -> String {
    let output = setup.run(&[&["up", "--host-listen", "127.0.0.1:0"], arguments].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

#[test]
fn without_a_good_key_nothing_but_loopback_is_served() {
    let setup = Setup::new();
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let said = refused_start(&setup, &["--listen", listen]);
        assert!(said.contains(listen) && said.contains("gitledger keys create"), "{said}");
    }
    let said = refused_start(&setup, &["--listen", "127.0.0.1:0", "--require-keys"]);
    assert!(said.contains("--require-keys"), "{said}");
    let key = setup.key("ci", &[]);
    assert!(setup.run(&["keys", "revoke", id_of(&key)]).status.success());
    refused_start(&setup, &["--listen", "0.0.0.0:0"]);
    std::fs::write(setup.data().join("keys.json"), "{}").expect("a file");
    let said = refused_start(&setup, &["--listen", "0.0.0.0:0"]);
    assert!(said.contains("keys.json") && said.contains("not understood"), "{said}");
    assert!(!setup.data().join("sandbox-host.json").exists(), "something was started");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_any_address_is_served_to_who_has_it_under_any_name() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let key = setup.key("ci", &[]);
    let system = setup.start_at("0.0.0.0:0", &[]).await;
    assert_refused(&system.get("/sandboxes").await, 401, "unauthenticated", "Authorization");
    assert_eq!(system.get("/").await.0, 200);
    let request = |origin: Option<&str>, key: Option<&str>| {
        let request = system.request(reqwest::Method::GET, "/sandboxes").header("Host", "git.example");
        let request = origin.into_iter().fold(request, |request, origin| request.header("Origin", origin));
        key.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth)
    };
    assert_eq!(system.send(request(None, Some(&key))).await.0, 200);
    assert_eq!(system.send(request(Some("https://git.example"), Some(&key))).await.0, 200);
    let foreign = system.send(request(Some("https://evil.com"), Some(&key))).await;
    assert_refused(&foreign, 403, "forbidden", "Origin");
    assert_refused(&system.send(request(None, None)).await, 401, "unauthenticated", "Authorization");
    let sandbox_id = clone(&system, &key, &origin.app()).await;

    // The command line takes the key from the environment.
    let status = |key: &str| {
        let url = system.url().replace("0.0.0.0", "127.0.0.1");
        let mut command =
            setup.command(&["git", "status", "--sandbox-id", &sandbox_id, "--url", &url, "--json"]);
        command.env("GITLEDGER_API_KEY", key).stdin(std::process::Stdio::null()).output().expect("gitledger")
    };
    let output = status(&key);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for bad in ["", "not a key", &key.replace(|c: char| c.is_ascii_digit(), "0")] {
        let output = status(bad);
        let said = [output.stdout, output.stderr].concat();
        assert!(
            !output.status.success() && (bad.len() < 20 || !String::from_utf8_lossy(&said).contains(bad))
        );
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_loopback_a_key_is_not_needed_but_one_that_is_sent_must_be_good() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    assert_eq!(system.get("/metrics").await.0, 200);
    let unknown = format!("glk_{}_{}", "0".repeat(12), "0".repeat(64));
    assert_refused(&get(&system, &unknown, "/sandboxes").await, 401, "unauthenticated", "Authorization");
    // Made while it runs.
    let key = setup.key("ci", &["--repo", "github.com/acme/*"]);
    assert_eq!(get(&system, &key, "/sandboxes").await.0, 200);
    let input = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
    assert_refused(&super::operate(&system, &key, "clone", &input).await, 403, "forbidden", "repo_url");
    assert!(setup.run(&["keys", "revoke", id_of(&key)]).status.success());
    assert_refused(&get(&system, &key, "/sandboxes").await, 401, "unauthenticated", "Authorization");
    assert_eq!(setup.events().len(), 0);
    system.stop().await;
}

#[test]
fn the_list_of_keys_says_what_each_may_and_no_secret() {
    let setup = Setup::new();
    let key = setup.key("ci", &["--repo", "github.com/acme/*", "--read-only", "--expires", "90d"]);
    let output = setup.run(&["keys", "list", "--json"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let list: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&list[0]["id"], &list[0]["state"]), (&json!(id_of(&key)), &json!("good")), "{list:#}");
    assert_eq!(list[0]["repos"], json!(["github.com/acme/*"]));
    assert_eq!(list[0]["read_only"], json!(true));
    assert!(list[0]["expires_at"].is_string());
    let shown = String::from_utf8_lossy(&setup.run(&["keys", "list"]).stdout).into_owned();
    assert!(shown.contains("github.com/acme/*") && shown.contains("reads"), "{shown}");
    let secret = key.rsplit('_').next().expect("a secret");
    assert!(!text.contains(secret) && !shown.contains(secret));
    for bad in [vec!["--repo", "*/acme/app"], vec!["--admin", "--read-only"], vec!["--expires", "soon"]] {
        assert!(!setup.run(&[vec!["keys", "create", "--name", "x"], bad].concat()).status.success());
    }
    assert_eq!(setup.run(&["keys", "revoke", "nosuchid"]).status.code(), Some(2));
}
