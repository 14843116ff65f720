//! `add`: what is staged, and what is not.

use serde_json::json;

use crate::server::Server;

#[test]
fn named_files_are_staged_deleted_ones_too_and_no_others() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "changed\n");
    sandbox.write(":(exclude)f", "n\n");
    std::fs::remove_file(sandbox.dir().join("g")).unwrap();
    let output = sandbox.good("add", json!({"sandbox_id": "s1", "files": [":(exclude)f", "g"]}));
    assert_eq!(output["staged"], json!([":(exclude)f", "g"]));
    assert_eq!(sandbox.plans.len(), 1);
    let all = sandbox.good("add", json!({"sandbox_id": "s1", "all": true}));
    assert_eq!(all["staged"], json!([":(exclude)f", "f", "g"]));
}

#[test]
fn one_path_that_cannot_be_staged_and_none_is() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "changed\n");
    let failure = sandbox.bad("add", json!({"sandbox_id": "s1", "files": ["f", "nope"]}));
    assert_eq!(failure.code.name, "path-not-found");
    assert_eq!(sandbox.git(&["diff", "--cached", "--name-only"]), "");
}
