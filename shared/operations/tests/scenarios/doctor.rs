//! `doctor`.

use serde_json::json;

use crate::server::Server;

#[test]
fn a_healthy_workspace_has_no_damage_and_a_lost_object_is_found() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let healthy = sandbox.good("doctor", json!({"sandbox_id": "s1"}));
    assert_eq!((&healthy["damage"], &healthy["locks"]), (&json!([]), &json!([])));
    assert!(healthy["git_version"].as_str().unwrap().starts_with("2."));
    assert!(healthy["free_bytes"].as_u64().unwrap() > 0);
    assert!(healthy["features"].as_array().unwrap().iter().any(|feature| feature["available"] == true));
    assert_eq!(sandbox.plans.len(), 1, "one round trip");

    sandbox.write("f", "changed\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "m", "all": true}));
    let tree = sandbox.git(&["rev-parse", "HEAD^{tree}"]);
    std::fs::remove_file(sandbox.dir().join(format!(".git/objects/{}/{}", &tree[..2], &tree[2..]))).unwrap();
    std::fs::write(sandbox.dir().join(".git/index.lock"), "").unwrap();
    let ill = sandbox.good("doctor", json!({"sandbox_id": "s1"}));
    assert!(ill["damage"].to_string().contains(&tree), "{ill:#}");
    assert_eq!(ill["locks"], json!([".git/index.lock"]));
    assert!(ill["advice"][0].as_str().unwrap().contains("clone again"));
}
