//! `git_status` as an MCP tool, side by side with the reference git server of MCP (which has neither sandbox nor
//! ledger) and with the E2B SDK's own `git.status()` in the same sandbox, in turns in one run.
//!
//! `cargo bench -p gitledger-tests --bench mcp_status`

use gitledger_tests::{Origin, Process, Setup, tools, workspace};

/// Rounds that count, after those that warm up.
const ROUNDS: &str = "200";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    runtime.block_on(run());
}

async fn run() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let program = setup.command(&[]);
    let mut script = tools::git_peers().command();
    script.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script.arg(workspace::root().join("tests/benches/mcp_status.py")).arg(program.get_program());
    script.arg(setup.data()).args([&origin.app(), ROUNDS]);
    let (status, said) = Process::start("mcp_status.py", script).ended().await;
    println!("{said}");
    assert!(status.success(), "{status}");
}
