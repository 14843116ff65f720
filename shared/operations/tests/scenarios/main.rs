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
