//! `ref-resolve`.

use serde_json::json;

use crate::server::Server;

#[test]
fn names_and_short_ids_are_resolved_to_objects_and_full_names() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.git(&["tag", "-am", "t", "v1"]);
    let tag = sandbox.git(&["rev-parse", "v1"]);
    let tree = sandbox.git(&["rev-parse", "HEAD^{tree}"]);
    for (revision, oid, kind, commit, reference) in [
        ("HEAD", &head, "commit", Some(&head), Some("refs/heads/agent-a1-t1")),
        ("origin/main", &head, "commit", Some(&head), Some("refs/remotes/origin/main")),
        ("v1", &tag, "tag", Some(&head), Some("refs/tags/v1")),
        ("refs/tags/v1", &tag, "tag", Some(&head), Some("refs/tags/v1")),
        (&head[..8], &head, "commit", Some(&head), None),
        (&tree, &tree, "tree", None, None),
    ] {
        let output = sandbox.good("ref-resolve", json!({"sandbox_id": "s1", "revision": revision}));
        let wanted = json!({"oid": oid, "type": kind, "commit": commit, "reference": reference});
        assert_eq!(output, wanted, "{revision}");
    }
    for missing in ["nope", "0123456", &"0".repeat(40)] {
        let failure = sandbox.bad("ref-resolve", json!({"sandbox_id": "s1", "revision": missing}));
        assert_eq!(failure.code.name, "ref-not-found", "{missing}");
    }
}

#[test]
fn digits_that_begin_several_ids_are_ambiguous() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    // The ids of these two contents begin with the same five digits.
    for contents in ["1071", "1251"] {
        sandbox.write("blob", contents);
        assert!(sandbox.git(&["hash-object", "-w", "blob"]).starts_with("f0acb"));
    }
    let failure = sandbox.bad("ref-resolve", json!({"sandbox_id": "s1", "revision": "f0acb"}));
    assert_eq!(failure.code.name, "ref-ambiguous");
}
