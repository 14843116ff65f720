//! `unstage`.

use serde_json::json;

use crate::server::Server;

#[test]
fn what_is_staged_is_taken_out_and_the_files_stay() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "changed\n");
    sandbox.write("new", "n\n");
    sandbox.git(&["rm", "-q", "g"]);
    sandbox.git(&["add", "."]);
    let input = json!({"sandbox_id": "s1", "files": ["f", "new"]});
    let mut asked = input.clone();
    asked["dry_run"] = json!(true);
    let would = sandbox.good("unstage", asked);
    assert_eq!((would["paths"].clone(), would["changed"].as_bool()), (json!(["f", "new"]), Some(false)));
    let output = sandbox.good("unstage", input.clone());
    assert_eq!((output["paths"].clone(), output["changed"].as_bool()), (json!(["f", "new"]), Some(true)));
    assert_eq!(sandbox.git(&["status", "--short"]), "M f\nD  g\n?? new");
    assert_eq!(sandbox.good("unstage", input)["changed"], false);
    assert_eq!(sandbox.good("unstage", json!({"sandbox_id": "s1", "all": true}))["paths"], json!(["g"]));
    assert_eq!(sandbox.plans.len(), 1);
}

#[test]
fn it_works_before_the_first_commit() {
    let server = Server::start(None);
    server.empty_repository("a/r.git");
    let mut sandbox = server.cloned();
    sandbox.write("new", "n\n");
    sandbox.git(&["add", "new"]);
    let output = sandbox.good("unstage", json!({"sandbox_id": "s1", "all": true}));
    assert_eq!(output["paths"], json!(["new"]));
    assert_eq!(sandbox.git(&["status", "--short"]), "?? new");
}

#[test]
fn a_merge_is_not_forgotten_and_neither_is_a_conflict() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    crate::reset::conflict(&mut sandbox, &server);
    sandbox.write("new", "n\n");
    sandbox.git(&["add", "new"]);
    for input in [json!({"files": ["f"]}), json!({"files": ["."]}), json!({"all": true})] {
        let mut input = input;
        input["sandbox_id"] = json!("s1");
        assert_eq!(sandbox.bad("unstage", input).code.name, "unmerged-paths");
    }
    sandbox.good("unstage", json!({"sandbox_id": "s1", "files": ["new"]}));
    sandbox.write("f", "both\n");
    sandbox.git(&["add", "f"]);
    sandbox.good("unstage", json!({"sandbox_id": "s1", "all": true}));
    assert!(sandbox.dir().join(".git/MERGE_HEAD").exists());
}
