//! What is taken out of a sandbox before another agent or task has it: everything but what came from the remote.

use std::time::Duration;

use crate::context::WORKSPACE;
use crate::{Plan, Step, hardening};

/// Of the workspace's references and their history, what somebody has made there. What is packed may be either's,
/// and is fetched again.
const MADE_THERE: [&str; 7] = [
    ".git/refs/heads",
    ".git/refs/stash",
    ".git/refs/gitledger",
    ".git/packed-refs",
    ".git/logs",
    ".git/index",
    ".git/config",
];

/// Leaves the remote's objects and where its branches were, so that a clone has little to fetch; files in the
/// workspace are the clone's own to clear away.
pub fn plan() -> Plan {
    let others = ["find", ".", "-mindepth", "1", "-maxdepth", "1", "!", "-name", WORKSPACE];
    let elsewhere = Step::new(".", others).with(["-exec", "rm", "-rf", "--", "{}", "+"]);
    let head = Step::git(["symbolic-ref", "HEAD", "refs/heads/main"]);
    let made_there = Step::new(WORKSPACE, ["rm", "-rf", "--"]).with(MADE_THERE);
    Plan {
        steps: vec![elsewhere, head, made_there],
        env: hardening::environment(true),
        writes: true,
        timeout: Duration::from_secs(30),
        output_bytes: 4096,
        ..Plan::default()
    }
}
