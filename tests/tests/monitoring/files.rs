//! The files under test, read.

use std::fs;
use std::path::{Path, PathBuf};

use gitledger_tests::workspace;
use serde_json::Value;

/// What Prometheus and the Pushgateway add themselves.
pub const FROM_OUTSIDE: [&str; 3] = ["push_time_seconds", "push_failure_time_seconds", "up"];

/// A file of the project.
pub fn path(name: &str) -> PathBuf {
    workspace::root().join(name)
}

/// Its text.
pub fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A YAML file.
pub fn yaml(name: &str) -> Value {
    serde_norway::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The names of the files in a directory with this extension, in order.
pub fn files(dir: &str, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(path(dir)).unwrap_or_else(|error| panic!("{dir}: {error}"));
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let fits = |name: &String| Path::new(name).extension().is_some_and(|found| found == extension);
    let mut names: Vec<String> = names.filter(fits).map(|name| format!("{dir}/{name}")).collect();
    names.sort_unstable();
    assert!(!names.is_empty(), "{dir} has no .{extension}");
    names
}

/// The elements of a JSON array; none for anything else.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A JSON text; empty for anything else.
pub fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Every rule of monitoring/rules, those that record and those that alert.
pub fn rules() -> Vec<Value> {
    let groups = files("monitoring/rules", "yml").into_iter().map(|name| yaml(&name)["groups"].clone());
    let rules =
        groups.flat_map(|groups| list(&groups).to_vec()).flat_map(|group| list(&group["rules"]).to_vec());
    let rules: Vec<Value> = rules.collect();
    assert!(rules.len() > 20, "only {} rules", rules.len());
    rules
}

/// The rules that alert.
pub fn alerts() -> Vec<Value> {
    rules().into_iter().filter(|rule| rule["alert"].is_string()).collect()
}

/// Every test of the files of monitoring/tests.
pub fn rule_tests() -> Vec<Value> {
    let files = files("monitoring/tests", "yml");
    files.into_iter().flat_map(|name| list(&yaml(&name)["tests"]).to_vec()).collect()
}

/// The dashboard.
pub fn dashboard() -> Value {
    let name = "monitoring/grafana/dashboards/git-operations.json";
    serde_json::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The dashboard's panels, without the rows that group them.
pub fn panels() -> Vec<Value> {
    let panels = list(&dashboard()["panels"]).to_vec();
    panels.into_iter().filter(|panel| panel["type"] != "row").collect()
}

/// Every query in the guide and the runbook, without its comments.
pub fn documented_queries() -> Vec<String> {
    let texts = ["monitoring/README.md", "monitoring/runbook.md"].map(text);
    let blocks = texts.iter().flat_map(|text| {
        text.split("```promql\n").skip(1).filter_map(|rest| rest.split_once("\n```").map(|(block, _)| block))
    });
    let plain =
        |query: &str| query.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    let queries: Vec<String> = blocks.flat_map(|block| block.split("\n\n")).map(plain).collect();
    assert!(queries.len() > 20, "only {} queries", queries.len());
    queries
}
