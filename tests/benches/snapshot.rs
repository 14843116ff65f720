//! A million events from SQLite to all metrics, and those to Prometheus' text; and a million names that nobody has heard
//! of, which make no more series.
//!
//! `cargo bench -p gitledger-tests --bench snapshot`

use std::sync::Arc;
use std::time::Instant;

use gitledger_events::operation::OperationRequested;
use gitledger_events::{Actor, Event, NewEvent, Repo, Stream};
use gitledger_functions::exporter::{ABOUT, vocabulary};
use gitledger_functions::projector::Projector;
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_ledger::{Ledger, Position};
use gitledger_projections::Projection;
use gitledger_projections::cost::Prices;
use gitledger_projections::metrics::{FeedStanding, Metrics, MetricsSnapshot, Observation, render};
use gitledger_tests::{filled, history, system};
use jiff::Timestamp;
use uuid::Uuid;

/// About a million events.
const OPERATIONS: u64 = 247_550;
const NAMES: u64 = 1_000_000;
/// How often each thing is measured.
const TIMES: usize = 3;
/// A page that the projector reads at once.
const CHUNK: usize = 5000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        whole().await;
    });
    names();
}

async fn whole() {
    let dir = system::temporary();
    let file = dir.path().join("ledger.db");
    let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(&file, Durability::Relaxed).expect("a ledger"));
    let began = Instant::now();
    filled::week(ledger.as_ref(), OPERATIONS).await;
    let events = ledger.head().await.expect("a head").as_u64();
    println!("{events} events, written in {:.1} s", began.elapsed().as_secs_f64());
    for _ in 0..TIMES {
        let (began, cpu) = (Instant::now(), cpu_s());
        let mut after = Position::START;
        loop {
            let page = ledger.read_all(after, CHUNK).await.expect("a page");
            let Some(last) = page.last() else { break };
            after = last.position;
        }
        told("read, not decoded", began, cpu);

        let (began, cpu) = (Instant::now(), cpu_s());
        let mut metrics = Metrics::default();
        let mut after = Position::START;
        loop {
            let page = ledger.read_events(after, CHUNK).await.expect("a page");
            let Some(last) = page.last() else { break };
            after = last.position;
            for next in page {
                metrics.apply(&next.event.expect("an event"));
            }
        }
        let snapshot = observed(&mut metrics, events);
        told("to a snapshot of the metrics (1.5 s)", began, cpu);

        let (began, cpu) = (Instant::now(), cpu_s());
        let projector = Projector::load(ledger.clone()).await.expect("a projector");
        let mut folded = projector.caught_up().await.expect("folded");
        let _ = observed(&mut folded.metrics, events);
        told("to all projections and a snapshot", began, cpu);
        drop(folded);

        let began = Instant::now();
        let text = render(&snapshot);
        println!(
            "{:<40}{:>8.2} ms   {} series, {} KB (5 ms)",
            "snapshot to text",
            began.elapsed().as_secs_f64() * 1000.0,
            series(&text),
            text.len() / 1024
        );
    }
}

/// Distinct repositories, branches, agents, tasks, operations.
fn names() {
    let (began, cpu) = (Instant::now(), cpu_s());
    let mut metrics = Metrics::default();
    let before = series(&render(&observed(&mut metrics, 0)));
    let now = Timestamp::now();
    for number in 0..NAMES {
        let id = Uuid::from_u128(u128::from(number));
        let request = OperationRequested {
            input: serde_json::json!({ "branch": format!("branch-{number}") }),
            sandbox_id: Some(format!("sandbox-{number}")),
            ..history::requested(now)
        };
        let event = NewEvent {
            id,
            recorded_at: now,
            operation: Some(format!("operation-{number}")),
            actor: Actor::new(format!("agent-{number}"), format!("task-{number}")),
            repo: Some(Repo::from_parts("github.com", &format!("/acme/app-{number}"))),
            correlation_id: id,
            causation_id: None,
            fact: request.into(),
        };
        metrics.apply(&Event { stream: Stream::operation(id), version: 1, event });
    }
    let after = series(&render(&observed(&mut metrics, NAMES)));
    told(&format!("{NAMES} distinct names"), began, cpu);
    println!("{before} series before, {after} after (at most 2,000)");
    assert!(before == after && after <= 2000);
}

fn observed(metrics: &mut Metrics, position: u64) -> MetricsSnapshot {
    let lists = Prices::standard().lists();
    metrics.snapshot(&Observation {
        now: Timestamp::now(),
        position,
        head: position,
        push_failures: 0,
        vocabulary: vocabulary(&lists),
        prices: Prices::standard(),
        budgets: &[],
        parked: 0,
        feed: FeedStanding::default(),
        about: ABOUT,
    })
}

fn series(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with('#')).count()
}

fn told(what: &str, began: Instant, cpu: f64) {
    let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_s() - cpu);
    println!("{what:<40}{wall:>8.2} s, {cpu:>6.2} s of processor");
}

/// The processor time of this process so far; the system tells it in hundredths of a second.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
