//! What others get wrong, each with a test of its own: whose defect it is, and what ours does instead.
//!
//! What the operations themselves cannot show is tested where it lives: that a failed clone leaves no sandbox
//! behind and that two operations never share a workspace, with the leases; delays between attempts, with the
//! decisions of a push.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)] // a panic is a test's report; `json!` makes values

#[path = "../real_git/sandbox.rs"]
#[allow(dead_code)] // only some of it is needed here
mod sandbox;
#[path = "../real_git/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../real_git/truth.rs"]
mod truth;

mod original;
mod others;
