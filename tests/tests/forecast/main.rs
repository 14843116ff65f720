//! The simulation held against what really happened: three policies really run over 2,000 operations each, then
//! simulated from the ledger that they left. Takes about ten minutes:
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it works for minutes; run it alone"]
async fn what_is_simulated_is_within_a_twentieth_of_what_was_measured() {
    let [first, second, third] = POLICIES;
    let (first, second, third) = tokio::join!(run(first), run(second), run(third));
    let runs = [first, second, third];
    let mut table = format!(
        "\n{:<9} {:>10} {:>9} | {:>19} | {:>19} | {:>21} | {:>23}\n",
        "policy", "operations", "", "hit ratio", "P95 s", "sandbox seconds", "dollars"
    );
    let mut wrong = Vec::new();
    for run in &runs {
        assert!(run.operations >= OPERATIONS_MIN, "{}: {} operations", run.name, run.operations);
        let simulated = simulated(run, &run.setup, &run.position);
        let measured = run.measured;
        let pairs = [
            ("hit ratio", measured.hit_ratio, simulated.hit_ratio),
            ("P95", measured.p95_s, simulated.p95_s),
            ("sandbox seconds", measured.sandbox_s, simulated.sandbox_s),
            ("cost", measured.dollars, simulated.dollars),
        ];
        let _ = write!(table, "{:<9} {:>10} {:>9}", run.name, run.operations, "");
        for (what, real, found) in pairs {
            let off = if real.abs() < 1e-12 { found.abs() } else { found / real - 1.0 };
            let _ = write!(table, " | {real:>8.4} {found:>8.4} {:>+5.1}%", off * 100.0);
            if off.abs() > OFF_MAX {
                wrong.push(format!("{}: {what} {real} was predicted as {found}", run.name));
            }
        }
        table.push('\n');
    }
    println!("{table}(each: measured, simulated, difference)");
    println!("{}", crosswise(&runs));
    assert!(wrong.is_empty(), "{wrong:#?}");
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

/// What the simulation says of one run's operations under another's policy.
fn simulated(of: &Run, policy: &Setup, position: &str) -> Figures {
    let data = of.setup.data();
    // The policy in force is that of a data directory; the ledger's own is put aside for another's.
    let own = std::fs::read(data.join("policy.toml")).expect("a policy");
    let other = std::fs::read(policy.data().join("policy.toml")).expect("a policy");
    std::fs::write(data.join("policy.toml"), other).expect("a policy");
    let found = said(&of.setup, &["simulate", "--at", position, "--json"]);
    std::fs::write(data.join("policy.toml"), own).expect("a policy");
    Figures {
        hit_ratio: number(&found, "/figures/hit_ratio"),
        p95_s: number(&found, "/figures/durations/p95_us") / 1e6,
        sandbox_s: number(&found, "/figures/sandbox_seconds"),
        dollars: number(&found, "/cost/0/nano_dollars") / 1e9,
    }
}

/// One run's operations under another run's policy, beside what that policy did: shown and not asserted, because the
/// runs were three and not one.
fn crosswise(runs: &[Run]) -> String {
    let mut table =
        "operations of one run simulated under another's policy (measured there in parentheses)\n".to_owned();
    for of in runs {
        for other in runs.iter().filter(|other| other.name != of.name) {
            let found = simulated(of, &other.setup, &of.position);
            let real = other.measured;
            let _ = writeln!(
                table,
                "{:<8} under {:<8} hits {:.3} ({:.3})  P95 {:.2} s ({:.2})  sandbox {:.0} s ({:.0})",
                of.name,
                other.name,
                found.hit_ratio,
                real.hit_ratio,
                found.p95_s,
                real.p95_s,
                found.sandbox_s,
                real.sandbox_s
            );
        }
    }
    table
}
