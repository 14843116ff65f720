//! What is taken out of a sandbox before another agent or task has it: everything but what came from the remote.

use std::time::Duration;

use crate::context::WORKSPACE;
use crate::{Plan, Step, hardening};

/// Of the workspace's references and their history, what somebody has made there. What is packed may be either's,
/// and is fetched again.
const MADE_THERE: [&str; 8] = [
    ".git/refs/heads",
    ".git/refs/tags",
    ".git/refs/stash",
    ".git/refs/gitledger",
    ".git/packed-refs",
    ".git/logs",
    ".git/index",
    ".git/config",
];

/// Leaves the remote's objects and where its branches were, so that a clone has little to fetch.
///
/// Deliberately absent: `/tmp`, which a sandbox without isolation shares with its machine, and processes that were
/// left behind. Whoever lists agents as trusting each other trusts them with these.
pub fn plan() -> Plan {
    let all_but = |dir: &str, name: &str| {
        let found = Step::new(dir, ["find", ".", "-mindepth", "1", "-maxdepth", "1", "!", "-name", name]);
        found.with(["-exec", "rm", "-rf", "--", "{}", "+"])
    };
    let head = Step::git(["symbolic-ref", "HEAD", "refs/heads/main"]);
    let made_there = Step::new(WORKSPACE, ["rm", "-rf", "--"]).with(MADE_THERE);
    Plan {
        steps: vec![all_but(".", WORKSPACE), all_but(WORKSPACE, ".git"), head, made_there],
        env: hardening::environment(true),
        writes: true,
        timeout: Duration::from_secs(30),
        output_bytes: 4096,
        ..Plan::default()
    }
}
