//! What one arm's ledger says, and the table of all arms.

#![allow(clippy::cast_precision_loss)] // numbers for people, far below where floats lose any

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gitledger_events::sandbox::Reuse;
use gitledger_events::{Event, Fact};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_ledger::{Ledger, Position};
use gitledger_projections::cost::{Price, Prices, ResourceTime, SandboxUsage};
use gitledger_projections::metrics::Metrics;
use gitledger_projections::{Projection, Sandboxes};
use jiff::{SignedDuration, Timestamp};

use crate::agents::Load;

const PAGE: usize = 1000;
/// What E2B's list says now.
fn list_price() -> Price {
    let prices = Prices::standard();
    prices.row("e2b-list", i64::MAX).expect("the list that is compiled in").clone()
}

/// The goals.
const HITS_MIN: f64 = 0.95;
const P95_MS_MAX: f64 = 1000.0;
const SHARE_MAX: f64 = 1.0 / 3.0;

/// One arm.
#[derive(Debug, Default)]
pub struct Record {
    /// Git operations with an outcome.
    operations: usize,
    failures: BTreeMap<String, usize>,
    /// Of all that succeeded, sorted.
    durations_ms: Vec<f64>,
    clones_ms: Vec<f64>,
    leases: BTreeMap<&'static str, usize>,
    tasks: usize,
    created: u64,
    /// Sandboxes' running time, those that still run to the end of their lives.
    used: ResourceTime,
    size: Option<(u32, u32)>,
}

impl Record {
    /// Reads a ledger that others may be writing to. What runs now is taken to run until it expires: nobody
    /// will use it again, and nobody will end it earlier.
    pub async fn of(data: &Path) -> Self {
        let ledger = SqliteLedger::open(&data.join("ledger.db"), Durability::Relaxed).expect("a ledger");
        let (mut record, mut metrics, mut sandboxes) =
            (Self::default(), Metrics::default(), Sandboxes::default());
        let (mut after, mut tasks) = (Position::START, BTreeSet::new());
        loop {
            let page = ledger.read_all(after, PAGE).await.expect("a page");
            let Some(last) = page.last() else { break };
            after = last.position;
            for recorded in page {
                let event = recorded.record.decode().expect("an event");
                metrics.apply(&event);
                sandboxes.apply(&event);
                record.add(&event, &mut tasks);
            }
        }
        let all_ended = Timestamp::now().saturating_add(SignedDuration::from_hours(48)).expect("a time");
        record.used = metrics.used(all_ended);
        (record.tasks, record.created) = (tasks.len(), sandboxes.totals().created);
        record.durations_ms.sort_by(f64::total_cmp);
        record.clones_ms.sort_by(f64::total_cmp);
        record
    }

    fn add(&mut self, event: &Event, tasks: &mut BTreeSet<(Option<String>, Option<String>)>) {
        let name = event.event.operation.as_deref().unwrap_or_default();
        let actor = &event.event.actor;
        match &event.event.fact {
            Fact::SandboxCreated(created) => self.size = Some((created.vcpu, created.memory_mb)),
            Fact::SandboxLeased(leased) if leased.reuse != Reuse::Named => {
                *self.leases.entry(kind(leased.reuse)).or_default() += 1;
            }
            // The system's own: filling the pool, looking.
            _ if name.starts_with("sandbox-") => {}
            Fact::OperationRequested(_) if name == "clone" => {
                tasks.insert((actor.agent_id.clone(), actor.task_id.clone()));
            }
            Fact::OperationSucceeded(done) => {
                self.operations += 1;
                let took_ms = micros_to_ms(done.timing.duration_ms.as_micros());
                self.durations_ms.push(took_ms);
                if name == "clone" {
                    self.clones_ms.push(took_ms);
                }
            }
            Fact::OperationFailed(failed) => {
                self.operations += 1;
                *self.failures.entry(failed.code.clone()).or_default() += 1;
            }
            Fact::OperationAbandoned(_) => *self.failures.entry("abandoned".into()).or_default() += 1,
            _ => {}
        }
    }

    fn hits(&self) -> f64 {
        let all: usize = self.leases.values().sum();
        let missed = self.leases.get(kind(Reuse::New)).copied().unwrap_or_default();
        (all - missed) as f64 / all.max(1) as f64
    }

    fn running_s(&self) -> f64 {
        self.used.running_micros as f64 / 1e6
    }

    /// One sandbox for each task, killed after so long.
    fn baseline(&self, ttl_s: u64) -> ResourceTime {
        let (vcpu, memory_mb) = self.size.unwrap_or_default();
        SandboxUsage { vcpu, memory_mb, running_micros: self.tasks as u64 * ttl_s * 1_000_000 }.into()
    }
}

fn kind(reuse: Reuse) -> &'static str {
    match reuse {
        Reuse::Named => "named",
        Reuse::Ready => "ready",
        Reuse::Paused => "paused",
        Reuse::Warm => "warm",
        Reuse::New => "new",
    }
}

fn micros_to_ms(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted
        .get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// The table.
pub fn print(load: &Load, rows: &[(&str, Record)], ttl_s: u64) {
    println!(
        "{} agents, {} repositories, {} tasks each; a sandbox is made in 2 to 8 s and ends after {ttl_s} s without use\n",
        load.agents, load.repositories, load.tasks
    );
    println!(
        "{:<22}{:>6}{:>7}{:>8}{:>7}{:>7}{:>6}{:>5}{:>8}{:>9}{:>9}{:>10}{:>12}{:>10}{:>8}",
        "policy",
        "ops",
        "failed",
        "ready",
        "asleep",
        "warm",
        "new",
        "",
        "hits",
        "p50 ms",
        "p95 ms",
        "clone p95",
        "sandbox-s",
        "cost",
        "of base"
    );
    for (name, record) in rows {
        let leases = |reuse| record.leases.get(kind(reuse)).copied().unwrap_or_default();
        let base = record.baseline(ttl_s);
        let share = record.used.running_micros as f64 / base.running_micros.max(1) as f64;
        let (p50, p95) = (percentile(&record.durations_ms, 50), percentile(&record.durations_ms, 95));
        println!(
            "{name:<22}{:>6}{:>7}{:>8}{:>7}{:>7}{:>6}{:>5}{:>7.1}%{p50:>9.0}{p95:>9.0}{:>10.0}{:>12.0}{:>10.2}{:>7.1}%",
            record.operations,
            record.failures.values().sum::<usize>(),
            leases(Reuse::Ready),
            leases(Reuse::Paused),
            leases(Reuse::Warm),
            leases(Reuse::New),
            "",
            record.hits() * 100.0,
            percentile(&record.clones_ms, 95),
            record.running_s(),
            list_price().of(record.used).as_dollars_f64(),
            share * 100.0,
        );
        if !record.failures.is_empty() {
            println!("{:22}failed: {:?}", "", record.failures);
        }
    }
    let Some((name, last)) = rows.last() else { return };
    let base = last.baseline(ttl_s);
    println!(
        "{:<22}{:>91}{:>12.0}{:>10.2}{:>7.1}%",
        "one sandbox per task",
        format!("killed after {ttl_s} s"),
        base.running_micros as f64 / 1e6,
        list_price().of(base).as_dollars_f64(),
        100.0
    );
    let p95 = percentile(&last.durations_ms, 95);
    let share = last.used.running_micros as f64 / base.running_micros.max(1) as f64;
    let judged = |met| if met { "met" } else { "NOT met" };
    println!("\nGoals, with {name}:");
    println!("  hits at least 95 %: {:.1} %, {}", last.hits() * 100.0, judged(last.hits() >= HITS_MIN));
    println!("  p95 of an operation under 1000 ms: {p95:.0} ms, {}", judged(p95 < P95_MS_MAX));
    println!(
        "  sandbox-seconds at most a third of the baseline: {:.1} %, {}",
        share * 100.0,
        judged(share <= SHARE_MAX)
    );
}
