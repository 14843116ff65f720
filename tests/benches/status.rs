//! What gitledger adds to git: `status` through HTTP, sandbox and ledger, side by side with plain
//! `git status` in the same working copy, in turns; and how much memory an idle system takes.
//!
//! `cargo bench -p gitledger-tests --bench status`

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gitledger::remote::Seed;
use gitledger_tests::{Agent, Origin, Setup, System};
use serde_json::json;

/// Pairs that count, after those that warm up.
const PAIRS: usize = 300;
const WARM: usize = 30;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    runtime.block_on(run());
}

async fn run() {
    let origin = Origin::start().await;
    origin.create("acme/bench", &Seed::generated());
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let idle = resident_mb(system.pid());
    let url = format!("{}acme/bench.git", origin.remote.url());
    let agent = Agent::clone(&system, &url, "bench", "status").await;
    // git looks twice at files as young as its index; a commit a moment later ends that, as in real work.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    agent.commit("first.txt", "x\n").await;
    agent.operate("file-write", json!({"path": "new.txt", "content": "x\n"})).await;
    let copy = copy_of(&system, agent.sandbox_id());

    let mut rows: [Vec<Duration>; 4] = Default::default();
    for pair in 0..WARM + PAIRS {
        let plain = plain_status(&copy);
        let (whole, answer) = through(&system, agent.sandbox_id()).await;
        if pair < WARM {
            continue;
        }
        let git = milliseconds(&answer["timing"]["git_ms"]);
        let total = milliseconds(&answer["timing"]["total_ms"]);
        rows[0].push(plain);
        rows[1].push(whole);
        rows[2].push(whole.saturating_sub(plain));
        rows[3].push(total.saturating_sub(git));
    }
    println!("status, {PAIRS} pairs in turns            p50 ms   p95 ms   min ms");
    let names = [
        "plain git status",
        "through gitledger, at the caller",
        "own overhead (pair by pair)",
        "of it outside the sandbox's run",
    ];
    for (name, times) in names.iter().zip(&mut rows) {
        times.sort_unstable();
        let at = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1000.0;
        println!("  {name:<34} {:>8.2} {:>8.2} {:>8.2}", at(50), at(95), at(0));
    }
    let p50 = |row: usize| rows[row][rows[row].len() / 2].as_secs_f64();
    println!("  through gitledger / plain, p50      {:>8.2} times", p50(1) / p50(0));
    println!(
        "  idle `gitledger up`                {idle:>8.1} MB resident, {:.1} MB after the run",
        resident_mb(system.pid())
    );
    system.stop().await;
}

/// The same working copy once more, for plain git: in the sandbox its files have another owner's number, and
/// two gits that see different numbers would undo each other's index.
fn copy_of(system: &System, sandbox_id: &str) -> PathBuf {
    let home = system.data().join("sandboxes/s").join(sandbox_id).join("home/user");
    assert!(home.join("workspace/.git").is_dir(), "no working copy in {}", home.display());
    let copy = system.data().join("copy");
    let copied = Command::new("cp").arg("-a").arg(home.join("workspace")).arg(&copy).status().expect("cp");
    assert!(copied.success(), "cp -a ended with {copied}");
    plain_status(&copy);
    copy
}

async fn through(system: &System, sandbox_id: &str) -> (Duration, serde_json::Value) {
    let input = json!({"sandbox_id": sandbox_id});
    let began = Instant::now();
    let (status, answer) = system.post("/git/status", &input).await;
    let took = began.elapsed();
    assert_eq!((status, &answer["outcome"]), (200, &json!("succeeded")), "{answer}");
    (took, answer)
}

fn plain_status(copy: &Path) -> Duration {
    let began = Instant::now();
    let ended = Command::new("git")
        .args([
            "-c",
            "safe.directory=*",
            "status",
            "--porcelain=v2",
            "-z",
            "--branch",
            "--untracked-files=all",
        ])
        .current_dir(copy)
        .stdout(Stdio::piped())
        .output()
        .expect("git");
    let took = began.elapsed();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    took
}

fn milliseconds(value: &serde_json::Value) -> Duration {
    Duration::from_secs_f64(value.as_f64().unwrap_or_default() / 1000.0)
}

/// Resident memory of one process, in MB of a million bytes.
fn resident_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("/proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    let kib: f64 = line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number");
    kib * 1024.0 / 1e6
}
