//! What is turned against us: workspaces, repositories and addresses. Each has its naive arm, which does fire.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)] // a panic is a test's report; `json!` makes values

#[path = "../real_git/sandbox.rs"]
#[allow(dead_code)] // only some of it is needed here
mod sandbox;
#[path = "../real_git/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../real_git/truth.rs"]
mod truth;

mod addresses;
mod attacker;
mod configuration;
mod ground;
mod repositories;
mod specimens;
mod vectors;
