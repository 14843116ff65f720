//! The simulation held against what really happened: three policies really run over 2,000 operations each, then
//! simulated from the ledger that they left. Three to five minutes for each, one after the other:
//! `cargo test -p gitledger-tests --test forecast -- --ignored --nocapture`

mod load;

use std::fmt::Write;

use gitledger_tests::{Origin, Setup};
use serde_json::Value;

/// A prediction may be off by so much.
const OFF_MAX: f64 = 0.05;
/// Fewer operations say nothing.
const OPERATIONS_MIN: u64 = 2000;

/// The policies, as `policy.toml` has them.
const POLICIES: [(&str, &str); 3] = [
    ("patient", "pause_after_s = 120\nttl_s = 3600\n"),
    ("thrifty", "pause_after_s = 5\nttl_s = 600\npool = 2\n"),
    ("shared", "pause_after_s = 20\nreuse = \"repo\"\nshare_after_s = 8\ntrust = [[\"*\"]]\n"),
];

/// The four figures that count.
#[derive(Clone, Copy, Debug)]
struct Figures {
    hit_ratio: f64,
    p95_s: f64,
    sandbox_s: f64,
    dollars: f64,
}

/// A run that is over; its ledger is kept until the end.
struct Run {
    name: &'static str,
    setup: Setup,
    position: String,
    measured: Figures,
    operations: u64,
    /// The settings name its tokens' file.
    _origin: Origin,
}

/// One run at a time: each is to have the machine for itself.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it works for minutes; run it alone"]
async fn under_long_lives_what_is_simulated_is_within_a_twentieth_of_what_was_measured() {
    hold(POLICIES[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it works for minutes; run it alone"]
async fn under_early_sleep_and_a_pool_what_is_simulated_is_within_a_twentieth_of_what_was_measured() {
    hold(POLICIES[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it works for minutes; run it alone"]
async fn with_shared_sandboxes_what_is_simulated_is_within_a_twentieth_of_what_was_measured() {
    hold(POLICIES[2]).await;
}

/// Runs a policy and holds the simulation against it; prints both.
async fn hold(policy: (&'static str, &'static str)) {
    let _alone = ALONE.lock().await;
    let run = run(policy).await;
    assert!(run.operations >= OPERATIONS_MIN, "{}: {} operations", run.name, run.operations);
    let (measured, simulated) = (run.measured, simulated(&run));
    let pairs = [
        ("hit ratio", measured.hit_ratio, simulated.hit_ratio),
        ("P95 s", measured.p95_s, simulated.p95_s),
        ("sandbox seconds", measured.sandbox_s, simulated.sandbox_s),
        ("dollars", measured.dollars, simulated.dollars),
    ];
    let (mut line, mut wrong) = (format!("{}: {} operations", run.name, run.operations), Vec::new());
    for (what, real, found) in pairs {
        let off = if real.abs() < 1e-12 { found.abs() } else { found / real - 1.0 };
        let _ = write!(line, "; {what} {real:.4}, simulated {found:.4} ({:+.1} %)", off * 100.0);
        if off.abs() > OFF_MAX {
            wrong.push(format!("{what} {real} was predicted as {found}"));
        }
    }
    println!("{line}");
    assert!(wrong.is_empty(), "{}: {wrong:#?}", run.name);
}

/// One policy under load.
async fn run((name, policy): (&'static str, &str)) -> Run {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    std::fs::create_dir_all(setup.data()).expect("a data directory");
    std::fs::write(setup.data().join("policy.toml"), format!("[sandboxes]\n{policy}")).expect("a policy");
    let system = setup.start_with(&["--create-latency", "400ms..1600ms"]).await;
    load::work(&system, &origin).await;
    let position = load::head(&setup);
    let (measured, operations) = measured(&setup, &position);
    system.stop().await;
    Run { name, setup, position, measured, operations, _origin: origin }
}

fn said(setup: &Setup, arguments: &[&str]) -> Value {
    let output = setup.run(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("gitledger {arguments:?}: {error}"))
}

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer} in {value:#}"))
}

/// What the ledger says; while the system runs, so that its stop is not in it.
fn measured(setup: &Setup, position: &str) -> (Figures, u64) {
    let replay = said(setup, &["replay", "--at", position, "--json"]);
    let report = said(setup, &["report", "--at", position, "--no-advice", "--json"]);
    let figures = Figures {
        hit_ratio: 1.0 - number(&report, "/criteria/3/value"),
        p95_s: number(&report, "/criteria/0/value"),
        sandbox_s: number(&replay, "/figures/usage/running_micros") / 1e6,
        dollars: number(&replay, "/cost/0/dollars"),
    };
    (figures, report["operations"].as_u64().unwrap_or(0))
}

/// What the simulation says of a run's operations under the policy that was in force.
fn simulated(run: &Run) -> Figures {
    let found = said(&run.setup, &["simulate", "--at", &run.position, "--json"]);
    Figures {
        hit_ratio: number(&found, "/figures/hit_ratio"),
        p95_s: number(&found, "/figures/durations/p95_us") / 1e6,
        sandbox_s: number(&found, "/figures/sandbox_seconds"),
        dollars: number(&found, "/cost/0/nano_dollars") / 1e9,
    }
}
