//! `tree-list`.

use serde_json::{Value, json};

use crate::server::Server;

fn paths(output: &Value) -> Vec<&str> {
    output["entries"].as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap()).collect()
}

#[test]
fn a_folder_is_listed_alone_or_with_everything_below() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    std::fs::create_dir_all(sandbox.dir().join("d/e")).unwrap();
    sandbox.write("d/e/caf\u{e9} \"x\"\n", "12345");
    std::os::unix::fs::symlink("f", sandbox.dir().join("d/link")).unwrap();
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "d", "all": true}));
    let top = sandbox.good("tree-list", json!({"sandbox_id": "s1"}));
    assert_eq!(paths(&top), ["d", "f", "g"]);
    assert_eq!((&top["entries"][0]["type"], &top["entries_total"]), (&json!("folder"), &json!(3)));
    let below = json!({"sandbox_id": "s1", "path": "d", "recursive": true, "sizes": true});
    let below = sandbox.good("tree-list", below);
    assert_eq!(paths(&below), ["d/e/caf\u{e9} \"x\"\n", "d/link"]);
    assert_eq!((&below["entries"][0]["size"], &below["entries"][1]["type"]), (&json!(5), &json!("link")));
    let old = sandbox.good("tree-list", json!({"sandbox_id": "s1", "revision": "origin/main"}));
    assert_eq!((paths(&old), old["commit"].as_str()), (vec!["f", "g"], Some(server.tip("main").as_str())));
    for (input, code) in [
        (json!({"path": "nope"}), "path-not-found"),
        (json!({"path": "f"}), "path-not-found"),
        (json!({"revision": "nope"}), "ref-not-found"),
    ] {
        let mut input = input;
        input["sandbox_id"] = json!("s1");
        assert_eq!(sandbox.bad("tree-list", input).code.name, code);
    }
}

#[test]
fn all_pages_together_are_the_whole_tree_of_one_commit() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    for number in 0..150 {
        sandbox.write(&format!("file-{number:03}"), "x");
    }
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "many", "all": true}));
    let mut input = json!({"sandbox_id": "s1", "output": {"max_bytes": 8192}});
    let mut all: Vec<String> = Vec::new();
    loop {
        let page = sandbox.good("tree-list", input.clone());
        assert!(page.to_string().len() <= 8192);
        all.extend(paths(&page).iter().map(|path| (*path).to_owned()));
        assert_eq!(all.len() + page["omitted"].as_array().map_or(0, Vec::len), 152);
        if page["cursor"].is_null() {
            break;
        }
        input["output"]["cursor"] = page["cursor"].clone();
        sandbox.git(&["rm", "-q", "--cached", &all[all.len() - 1]]);
        sandbox.git(&["commit", "-qm", "one less"]);
    }
    assert_eq!((all.len(), all[0].as_str(), all[151].as_str()), (152, "f", "g"));
}
