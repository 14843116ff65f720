//! An experiment: 50 agents on 10 repositories, sandboxes that take 2 to 8 seconds to be made, and what reuse,
//! pool and pausing change. Each arm is a `gitledger up` of its own with a policy file, and every number of the
//! table is folded from its ledger.
//!
//! `cargo bench -p gitledger-tests --bench fleet`, about three minutes an arm. `FLEET_AGENTS=12` for fewer
//! agents, `FLEET_TASKS` for tasks of each, `FLEET_ARMS=reuse+pool` for the arms whose names
//! hold this (several with commas).

mod agents;
mod record;

use std::sync::Arc;
use std::time::{Duration, Instant};

use gitledger_tests::{Origin, Setup, System, wait};
use serde_json::{Value, json};

use agents::Load;
use record::Record;

/// How long making a sandbox takes, and how many may be there at once: as many as the arm without reuse needs.
const HOST: [&str; 6] = ["--create-latency", "2s..8s", "--trouble-seed", "4", "--sandboxes-max", "1000"];
/// A sandbox ends after so long without use.
const TTL_S: u64 = 3600;
/// With reuse, anybody's that nobody has used for a while: longer than any agent thinks.
const REUSE: &str = "reuse = \"repo\"\nshare_after_s = 10\ntrust = [[\"agent-*\"]]\n";
const NO_REUSE: &str = "reuse = \"never\"\n";
const POOL: &str = "pool = 3\n";
const PAUSING: &str = "pause_after_s = 20\n";
const NO_PAUSING: &str = "pause_after_s = 0\n";

const ARMS: [(&str, [&str; 3]); 6] = [
    ("nothing", [NO_REUSE, "", NO_PAUSING]),
    ("pool", [NO_REUSE, POOL, NO_PAUSING]),
    ("pausing", [NO_REUSE, "", PAUSING]),
    ("reuse", [REUSE, "", NO_PAUSING]),
    ("reuse+pool", [REUSE, POOL, NO_PAUSING]),
    ("reuse+pool+pausing", [REUSE, POOL, PAUSING]),
];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    let only = std::env::var("FLEET_ARMS").ok();
    let wanted =
        |name: &str| only.as_deref().is_none_or(|only| only.split(',').any(|part| name.contains(part)));
    let load = Load::from_env();
    let mut rows = Vec::new();
    for (name, policy) in ARMS.iter().filter(|(name, _)| wanted(name)) {
        let began = Instant::now();
        let record = runtime.block_on(run(&policy.concat(), load));
        eprintln!("{name}: {:.0} s", began.elapsed().as_secs_f64());
        rows.push((*name, record));
    }
    record::print(&load, &rows, TTL_S);
}

/// One arm, from an empty ledger.
async fn run(policy: &str, load: Load) -> Record {
    let origin = Origin::start().await;
    load.create_repositories(&origin);
    let setup = Setup::new().admitting(&origin);
    std::fs::create_dir_all(setup.data()).expect("a directory");
    let text = format!("[sandboxes]\nttl_s = {TTL_S}\n{policy}");
    std::fs::write(setup.data().join("policy.toml"), text).expect("a policy");
    let system = Arc::new(setup.start_with(&HOST).await);
    if policy.contains(POOL) {
        wait::until("the pool is filled", async || (pooled(&system).await == 3).then_some(())).await;
    }
    load.drive(&system, &origin).await;
    if policy.contains(PAUSING) {
        // What sleeps costs nothing, but nobody knows that before it sleeps.
        wait::until("the idle to be paused", async || (awake(&system).await == 0).then_some(())).await;
    }
    let record = Record::of(&setup.data()).await;
    let system = Arc::into_inner(system).expect("no agent is left");
    // Hundreds of sandboxes may be left; nobody needs their workspaces.
    tokio::time::timeout(Duration::from_mins(2), system.stop()).await.expect("the system stops");
    record
}

async fn pooled(system: &System) -> usize {
    running(system).await.iter().filter(|sandbox| sandbox["pooled"] == true).count()
}

async fn awake(system: &System) -> usize {
    running(system).await.iter().filter(|sandbox| sandbox["pooled"] != true).count()
}

async fn running(system: &System) -> Vec<Value> {
    let listed = system.operate("sandbox-list", &json!({"phase": "running"})).await;
    listed["output"]["sandboxes"].as_array().cloned().unwrap_or_default()
}
