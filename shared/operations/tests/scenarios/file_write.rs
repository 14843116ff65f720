//! `file-write`.

use serde_json::json;

use crate::server::Server;

#[test]
fn a_file_is_made_and_replaced_and_a_link_is_not_followed() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let write = |path: &str| json!({"sandbox_id": "s1", "path": path, "content": "x\n"});
    assert_eq!(sandbox.good("file-write", write("a/b/new"))["created"], true);
    assert_eq!(sandbox.plans.len(), 1);
    assert_eq!(sandbox.good("file-write", write("f"))["created"], false);
    assert_eq!(sandbox.read("f"), "x\n");
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), sandbox.dir().join("link")).unwrap();
    assert_eq!(sandbox.bad("file-write", write("link/x")).code.name, "path-outside-repo");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}
