//! `grep`.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::server::Server;

fn found(sandbox: &mut Sandbox, more: Value) -> Vec<(String, u64, String)> {
    let mut input = json!({"sandbox_id": "s1"});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let output = sandbox.good("grep", input);
    let one = |found: &Value| {
        let text = |field: &str| found[field].as_str().unwrap().to_owned();
        (text("path"), found["line"].as_u64().unwrap(), text("text"))
    };
    output["matches"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn text_and_patterns_are_found_in_files_of_any_name() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let odd = "caf\u{e9} \"x\":3:\t";
    sandbox.write(odd, "a\nfoo.bar(1): x\r\n");
    sandbox.git(&["add", "."]);
    sandbox.write("new", "FOO.bar\n");
    let hit = (odd.to_owned(), 2, "foo.bar(1): x".to_owned());
    assert_eq!(found(&mut sandbox, json!({"pattern": "foo.bar("})), std::slice::from_ref(&hit));
    assert_eq!(
        found(&mut sandbox, json!({"pattern": "fo+.bar[(][0-9]+", "regex": true})),
        std::slice::from_ref(&hit)
    );
    assert_eq!(found(&mut sandbox, json!({"pattern": "--foo.bar"})), []);
    let both = found(&mut sandbox, json!({"pattern": "Foo.Bar", "ignore_case": true, "untracked": true}));
    assert_eq!(both, [hit, ("new".to_owned(), 1, "FOO.bar".to_owned())]);
    assert_eq!(found(&mut sandbox, json!({"pattern": "foo", "paths": ["f", ":(top)*"]})), []);
    assert_eq!(found(&mut sandbox, json!({"pattern": "2", "revision": "origin/main"})).len(), 1);
    assert_eq!(found(&mut sandbox, json!({"pattern": "foo", "revision": "origin/main"})), []);
    let column = sandbox.good("grep", json!({"sandbox_id": "s1", "pattern": "bar"}));
    assert_eq!(column["matches"][0]["column"], 5);
}

#[test]
fn a_pattern_that_is_none_and_a_revision_that_is_none_have_their_own_code() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    for pattern in ["[", "(", "a{2,1}"] {
        let failure = sandbox.bad("grep", json!({"sandbox_id": "s1", "pattern": pattern, "regex": true}));
        assert_eq!(failure.code.name, "invalid-pattern", "{failure:?}");
    }
    let failure = sandbox.bad("grep", json!({"sandbox_id": "s1", "pattern": "x", "revision": "nope"}));
    assert_eq!(failure.code.name, "ref-not-found");
}

#[test]
fn many_matches_come_in_pages_and_a_long_line_is_cut() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", &"needle in a line\n".repeat(300));
    sandbox.write("g", &format!("needle {}\n", "x".repeat(1 << 20)));
    let mut input = json!({"sandbox_id": "s1", "pattern": "needle", "output": {"max_bytes": 4096}});
    let mut lines = 0;
    loop {
        let page = sandbox.good("grep", input.clone());
        assert!(page.to_string().len() <= 4096);
        assert_eq!(page["matches_total"], 301);
        lines += page["matches"].as_array().unwrap().len();
        if page["cursor"].is_null() {
            assert_eq!(page["matches"].as_array().unwrap().last().unwrap()["cut"], true);
            break;
        }
        assert!(page["omitted"].as_array().unwrap().contains(&json!("g")), "each file is named once");
        input["output"]["cursor"] = page["cursor"].clone();
    }
    assert_eq!(lines, 301);
}
