//! A visit by a real browser.

use std::path::PathBuf;

use gitledger_tests::{tools, workspace};
use serde_json::Value;

/// Where the pictures of a visit are left, to be looked at.
pub fn pictures() -> PathBuf {
    let dir = workspace::target().join("dashboard");
    std::fs::create_dir_all(&dir).expect("a directory for pictures");
    dir
}

/// Visits; what was read. Nothing may have been complained about, by the browser or by axe.
pub async fn visit(what: Value) -> Value {
    let (mut node, playwright) = tools::playwright();
    let axe = tools::axe();
    node.arg(workspace::root().join("tests/tests/dashboard/visit.cjs"));
    node.env("PLAYWRIGHT", playwright).env("AXE", axe).env("CHROMIUM", tools::chromium());
    node.env("PICTURES", pictures()).env("VISIT", what.to_string());
    let ran = tokio::task::spawn_blocking(move || node.output()).await.expect("it ran").expect("node starts");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{what}: {said}{}", String::from_utf8_lossy(&ran.stderr));
    let seen: Value = serde_json::from_str(said.trim()).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(seen["complaints"], Value::Array(Vec::new()), "the browser complained");
    assert_eq!(seen["serious"], Value::Array(Vec::new()), "axe found something serious");
    seen
}
