//! The dashboard over a ledger with 100,000 operations: how long it takes to read it, to answer, and to paint.
//!
//! `cargo bench -p gitledger-tests --bench dashboard`

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gitledger::dashboard::Index;
use gitledger_ledger::Ledger;
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_tests::{Setup, filled, tools, workspace};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Operations in the ledger.
const OPERATIONS: u64 = 100_000;
/// How often each thing is measured.
const TIMES: usize = 9;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    runtime.block_on(run());
}

async fn run() {
    let setup = Setup::new();
    std::fs::create_dir_all(setup.data()).expect("a directory");
    let file = setup.data().join("ledger.db");
    let ledger = Arc::new(SqliteLedger::open(&file, Durability::Relaxed).expect("a ledger"));
    let began = Instant::now();
    filled::week(ledger.as_ref(), OPERATIONS).await;
    let events = ledger.head().await.expect("a head").as_u64();
    println!("{OPERATIONS} operations, {events} events, written in {:.1} s", began.elapsed().as_secs_f64());

    let index = Index::new(ledger.clone());
    let began = Instant::now();
    drop(index.caught_up().await.expect("read"));
    println!("read and folded once                {:>8.2} s", began.elapsed().as_secs_f64());
    drop(index);
    drop(ledger);

    let system = setup.start().await;
    // The first answer waits until the ledger is read.
    assert_eq!(system.get("/dashboard/series").await.0, 200);
    let now = Timestamp::now().as_millisecond();
    for (name, hours) in [("an hour", 1), ("a day", 24), ("everything", 24 * 8)] {
        for what in ["series", "verdict", "cost", "operations"] {
            let path = format!("/dashboard/{what}?from={}&until={now}", now - hours * 3_600_000);
            let mut times = Vec::new();
            for _ in 0..TIMES {
                let began = Instant::now();
                assert_eq!(system.get(&path).await.0, 200);
                times.push(began.elapsed());
            }
            println!("{what:<12} of {name:<12}            {}", shown(times));
        }
    }
    let url = format!("{}/dashboard#last=10080", system.url());
    let seen = paint(&url);
    for name in ["painted", "numbers"] {
        let times = seen[name].as_array().expect("times").iter();
        let times =
            times.map(|ms| Duration::from_secs_f64(ms.as_f64().expect("a number") / 1000.0)).collect();
        println!("page with a week, first {name:<10}    {}", shown(times));
    }
    println!("resident                            {:>8.1} MB", resident_mb(system.pid()));
    system.stop().await;
}

fn shown(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let ms = |at: usize| times[at].as_secs_f64() * 1000.0;
    format!("{:>8.1} ms p50, {:>8.1} ms worst of {}", ms(times.len() / 2), ms(times.len() - 1), times.len())
}

/// Opens the page again and again in one browser; when it painted first, and when its numbers stood there.
fn paint(url: &str) -> Value {
    let (mut node, playwright) = tools::playwright();
    node.arg(workspace::root().join("tests/tests/dashboard/visit.cjs"));
    node.env("PLAYWRIGHT", playwright).env("AXE", tools::axe()).env("CHROMIUM", tools::chromium());
    node.env("PICTURES", workspace::target())
        .env("VISIT", json!({"kind": "paint", "url": url, "times": TIMES}).to_string());
    let ran = node.output().expect("node starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).expect("JSON")
}

fn resident_mb(pid: u32) -> f64 {
    let status =
        std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0
}
