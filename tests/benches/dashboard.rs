//! The dashboard over a ledger with 100,000 operations: how long it takes to read it, to answer, and to paint.
//!
//! `cargo bench -p gitledger-tests --bench dashboard`

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gitledger::dashboard::Index;
use gitledger_events::operation::{
    Effect, OperationFailed, OperationRequested, OperationSucceeded, SideEffect, Timing,
};
use gitledger_events::sandbox::{
    KillReason, Reuse, SandboxCreated, SandboxKilled, SandboxLeased, SandboxReleased,
};
use gitledger_events::{Actor, Elapsed, Fact, NewEvent, Repo, Stream};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_ledger::{Commit, Expected, Ledger};
use gitledger_tests::{Setup, tools, workspace};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

/// Operations in the ledger, and how many a sandbox has.
const OPERATIONS: u64 = 100_000;
const A_SANDBOX: u64 = 50;
/// The time they are spread over.
const SPREAD_S: u64 = 7 * 24 * 3600;
/// How often each thing is measured.
const TIMES: usize = 9;

const NAMES: [&str; 12] = [
    "status",
    "diff",
    "log",
    "file-read",
    "commit",
    "push",
    "clone",
    "add",
    "fetch",
    "branch-list",
    "show",
    "pull",
];

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
    for sandbox in 0..OPERATIONS / A_SANDBOX {
        fill(&ledger, sandbox).await;
    }
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

/// A sandbox's life and the operations in it, at instants spread over the time.
async fn fill(ledger: &SqliteLedger, sandbox: u64) {
    let start =
        Timestamp::now().checked_sub(SignedDuration::from_secs(i64::try_from(SPREAD_S).expect("it fits")));
    let start = start.expect("an instant");
    let each_ms = SPREAD_S * 1000 / OPERATIONS;
    let at = |number: u64, ms: u64| {
        let ms = (sandbox * A_SANDBOX + number) * each_ms + ms;
        start
            .checked_add(SignedDuration::from_millis(i64::try_from(ms).expect("it fits")))
            .expect("an instant")
    };
    let stream = Stream::sandbox(&format!("i{sandbox:020}")).expect("a stream");
    let mut life = vec![event(at(0, 0), sandbox, Uuid::now_v7(), "clone", created(at(A_SANDBOX + 9, 0)))];
    for number in 0..A_SANDBOX {
        let (id, name) = (Uuid::now_v7(), NAMES[usize::try_from((number * 7 + sandbox) % 12).unwrap_or(0)]);
        let reuse = if number == 0 { Reuse::New } else { Reuse::Ready };
        let leased = SandboxLeased { operation_id: id, epoch: number + 1, until: at(number, 60_000), reuse };
        let released =
            SandboxReleased { operation_id: id, epoch: number + 1, held_ms: Elapsed::from_millis(900) };
        life.push(event(at(number, 10), sandbox, id, name, leased));
        life.push(event(at(number, 910), sandbox, id, name, released));
        let facts = [requested(at(number, 60_000)), ended(number * 31 + sandbox)];
        let [first, second] = facts;
        let events = vec![
            event(at(number, 5), sandbox, id, name, first),
            event(at(number, 905), sandbox, id, name, second),
        ];
        append(ledger, Stream::operation(id), events).await;
    }
    life.push(event(
        at(A_SANDBOX, 0),
        sandbox,
        Uuid::now_v7(),
        "idle",
        SandboxKilled { reason: KillReason::Idle },
    ));
    append(ledger, stream, life).await;
}

async fn append(ledger: &SqliteLedger, stream: Stream, events: Vec<NewEvent>) {
    let commit = Commit { id: Uuid::now_v7(), stream, expected: Expected::Empty, events };
    ledger.append(commit).await.expect("appended");
}

fn event(at: Timestamp, sandbox: u64, operation: Uuid, name: &str, fact: impl Into<Fact>) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        recorded_at: at,
        operation: Some(name.to_owned()),
        actor: Actor::new(format!("agent-{}", sandbox % 40), format!("task-{sandbox}")),
        repo: Some(Repo::from_parts("github.com", &format!("/acme/app-{}", sandbox % 12))),
        correlation_id: operation,
        causation_id: None,
        fact: fact.into(),
    }
}

fn created(expires_at: Timestamp) -> SandboxCreated {
    let template = "base".to_owned();
    let creation_ms = Elapsed::from_millis(700);
    SandboxCreated { request_id: Uuid::now_v7(), template, vcpu: 2, memory_mb: 512, creation_ms, expires_at }
}

fn requested(deadline: Timestamp) -> Fact {
    let input = json!({"sandbox_id": "i0123456789abcdefghij", "message": "A change"});
    let input_digest = "00".repeat(32);
    OperationRequested {
        effect: Effect::Writes,
        input,
        input_digest,
        sandbox_id: None,
        holder: None,
        deadline,
    }
    .into()
}

fn ended(seed: u64) -> Fact {
    let git_ms = Elapsed::from_millis(20 + seed * 7919 % 900);
    let sandbox_wait_ms = Elapsed::from_millis(5);
    let timing = Timing { duration_ms: git_ms + sandbox_wait_ms, git_ms, sandbox_wait_ms };
    if seed.is_multiple_of(23) {
        return OperationFailed {
            sandbox_id: None,
            timing,
            code: "merge-conflict".to_owned(),
            error_type: ["conflict", "network", "auth", "timeout"][usize::try_from(seed % 4).unwrap_or(0)]
                .to_owned(),
            retryable: false,
            side_effect: SideEffect::None,
            message: "CONFLICT (content): Merge conflict in app.txt".to_owned(),
            remedy: None,
            output: None,
            recovered: false,
        }
        .into();
    }
    OperationSucceeded {
        sandbox_id: None,
        timing,
        head_before: None,
        head_after: None,
        refs_changed: Vec::new(),
        bytes: 400,
        output: Some(json!({"branch": "main", "clean": true})),
        recovered: false,
    }
    .into()
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
