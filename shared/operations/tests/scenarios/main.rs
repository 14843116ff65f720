//! A scenario for every operation: what it is for and how it fails, told in requests to real git over real
//! smart HTTP. A file here needs no other line anywhere; an operation without a file fails the test below.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)] // a panic is a test's report; `json!` makes values

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gitledger_operations::table::OPERATIONS;

#[path = "../real_git/sandbox.rs"]
mod sandbox;
#[allow(dead_code)] // the accidents are for the tests of the push
#[path = "../real_git/server.rs"]
mod server;
#[path = "../real_git/truth.rs"]
mod truth;

automod::dir!("tests/scenarios");

/// Operations that must see how one step ended before they know the next: how many round trips their examples
/// may take here.
const DECIDING: &[(&str, usize)] = &[
    ("clone", 2),
    ("apply-patch", 2),
    ("push", 2),
    ("sync", 3),
    ("push-delete", 2),
    ("submodule-update", 2),
];

#[test]
fn an_operation_is_one_process_start_unless_it_decides_between_steps() {
    let server = server::Server::with_repository(None);
    for operation in OPERATIONS {
        let mut sandbox = if operation.name == "clone" { server.sandbox() } else { server.cloned() };
        if operation.name != "clone" {
            sandbox.write("README.md", "one\ntwo\n");
            sandbox.write("notes.txt", "old\n");
            sandbox.git(&["add", "--all"]);
            sandbox.git(&["commit", "--quiet", "--message", "more"]);
            sandbox.git(&["branch", "feature"]);
        }
        let mut input = operation.example();
        let ours = [("sandbox_id", "s1".to_owned()), ("repo_url", server.repo_url())];
        for (field, value) in ours.into_iter().filter(|(field, _)| operation.example().get(field).is_some()) {
            input[field] = value.into();
        }
        let how = match sandbox.ask(operation.name, input) {
            Ok(_) => "succeeded",
            Err(failure) => failure.code.name,
        };
        let starts = sandbox.plans.len();
        println!("{:<18} {starts} process starts, {how}", operation.name);
        let most = DECIDING.iter().find(|(name, _)| *name == operation.name).map_or(1, |(_, most)| *most);
        assert!(starts <= most, "{}: {starts} process starts", operation.name);
    }
}

#[test]
fn every_operation_has_a_scenario_and_no_scenario_is_without_an_operation() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    // A name that means something in Rust has an underscore at its end.
    let name = |stem: &str| stem.trim_end_matches('_').replace('_', "-");
    let stem = |entry: fs::DirEntry| name(&entry.path().file_stem().unwrap().to_string_lossy());
    let files = fs::read_dir(dir).unwrap().map(|entry| stem(entry.unwrap())).filter(|name| name != "main");
    let wanted = OPERATIONS.iter().map(|operation| operation.name.to_owned());
    assert_eq!(files.collect::<BTreeSet<_>>(), wanted.collect::<BTreeSet<_>>());
}
