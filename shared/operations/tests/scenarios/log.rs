//! `log`: what it finds, and how it turns pages.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::server::Server;

fn subjects(log: &Value) -> Vec<&str> {
    log["commits"].as_array().unwrap().iter().map(|commit| commit["subject"].as_str().unwrap()).collect()
}

fn commit(sandbox: &mut Sandbox, file: &str, message: &str) {
    sandbox.write(file, message);
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": message, "all": true}));
}

#[test]
fn pages_begin_at_the_same_commit_whatever_is_committed_meanwhile() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    (0..5).for_each(|number| commit(&mut sandbox, "f", &format!("c{number}")));
    let mut input = json!({"sandbox_id": "s1", "limit": 3});
    let first = sandbox.good("log", input.clone());
    assert_eq!(subjects(&first), ["c4", "c3", "c2"]);
    commit(&mut sandbox, "f", "later");
    input["output"] = json!({"cursor": first["cursor"]});
    let second = sandbox.good("log", input.clone());
    assert_eq!(subjects(&second), ["c1", "c0", "g"]);
    input["output"] = json!({"cursor": second["cursor"]});
    let third = sandbox.good("log", input);
    assert_eq!((subjects(&third), &third["truncated"]), (vec!["f"], &json!(false)));
    assert!(third["cursor"].is_null());
}

#[test]
fn a_page_has_as_many_whole_commits_as_fit_its_budget() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    for number in 0..6 {
        commit(&mut sandbox, "f", &format!("c{number}\n\n{}", "body ".repeat(100)));
    }
    let log = sandbox.good("log", json!({"sandbox_id": "s1", "output": {"max_bytes": 2500}}));
    assert_eq!(subjects(&log), ["c5", "c4"]);
    assert!(log.to_string().len() <= 2500);
    let rest = json!({"sandbox_id": "s1", "output": {"max_bytes": 65536, "cursor": log["cursor"]}});
    assert_eq!(subjects(&sandbox.good("log", rest)), ["c3", "c2", "c1", "c0", "g", "f"]);
}

#[test]
fn commits_are_found_by_path_author_message_and_time() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    commit(&mut sandbox, "a b", "Fix: [x] \"quoted\"");
    commit(&mut sandbox, "g", "other");
    let mut found = |more: Value| {
        let mut input = json!({"sandbox_id": "s1"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        subjects(&sandbox.good("log", input)).iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(json!({"paths": ["a b", "f"]})), ["Fix: [x] \"quoted\"", "f"]);
    assert_eq!(found(json!({"grep": "fix: [X]"})), ["Fix: [x] \"quoted\""]);
    assert_eq!(found(json!({"grep": "."})), Vec::<String>::new(), "a text and no pattern");
    assert_eq!(found(json!({"author": "A1@agents"})).len(), 2);
    // Commits of this operation carry its own time, 2023-11-14T22:13:20Z; the others are of today.
    assert_eq!(found(json!({"until": "2023-11-14T22:13:20Z", "limit": 5})).len(), 2);
    assert_eq!(found(json!({"until": "2023-11-14"})).len(), 0);
    assert_eq!(found(json!({"since": "2023-11-15"})), ["g", "f"]);
}

#[test]
fn of_a_merge_the_first_parent_alone_can_be_followed() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.git(&["switch", "-q", "-c", "side"]);
    commit(&mut sandbox, "s", "side");
    sandbox.git(&["switch", "-q", "agent-a1-t1"]);
    sandbox.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let all = sandbox.good("log", json!({"sandbox_id": "s1"}));
    assert!(subjects(&all).contains(&"side"));
    let first = sandbox.good("log", json!({"sandbox_id": "s1", "first_parent": true}));
    assert_eq!(subjects(&first), ["merge", "g", "f"]);
}
