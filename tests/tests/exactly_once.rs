//! Projector, exporter and Pushgateway killed at any moment, two of each at once: what is scraped is the fold of the
//! ledger exactly, and never goes back.
//!
//! `GITLEDGER_EXAMPLES=300` is the long run.

#![allow(clippy::unwrap_used, clippy::float_cmp)] // a panic is a test's answer; counts are whole

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use gitledger_events::operation::Timing;
use gitledger_events::sandbox::{KillReason, Reuse, SandboxKilled, SandboxLeased};
use gitledger_events::{Elapsed, Fact, Stream};
use gitledger_functions::exporter::{Exporter, Pushgateway as Gateway};
use gitledger_functions::projector::{KEY, Projector};
use gitledger_functions::{Settings, World};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_ledger::{Ledger, Position, Recorded};
use gitledger_sandboxes::{Sandboxes, SystemWorld, World as ClockAndIds};
use gitledger_tests::monitoring::Pushgateway;
use gitledger_tests::{Process, Setup, history, wait};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

const ROUNDS: u64 = 20;
/// What one try of a worker's exporter may take; a dead one's fence holds half as long again.
const PATIENCE: Duration = Duration::from_millis(300);

/// Numbers for moments, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A process that projects and publishes without end, for the test below to kill.
#[tokio::test]
#[ignore = "a program of the test below"]
async fn worker() {
    let Ok(data) = std::env::var("GITLEDGER_TEST_WORKER") else { return };
    let gateway = std::env::var("PUSHGATEWAY_URL").unwrap().parse().unwrap();
    let ledger: Arc<dyn Ledger> = Arc::new(open(Path::new(&data)));
    let settings = Settings::read(&|name| match name {
        "GITLEDGER_DATA" => Some(data.clone()),
        "E2B_API_URL" => Some("http://127.0.0.1:9".to_owned()),
        "E2B_API_KEY" => Some("e2b_0".to_owned()),
        _ => None,
    })
    .unwrap();
    let clock: Arc<dyn ClockAndIds> = Arc::new(SystemWorld);
    let endpoint = settings.endpoint.clone().unwrap();
    let sandboxes = Arc::new(Sandboxes::new(ledger.clone(), endpoint, clock.clone()).unwrap());
    let world = World::new(ledger, sandboxes, clock, settings, None).await.unwrap();
    let exporter = Exporter::new(Gateway::patient(gateway, PATIENCE).unwrap());
    loop {
        world.projector.save().await.unwrap();
        exporter.publish(&world).await.unwrap();
    }
}

fn open(data: &Path) -> SqliteLedger {
    SqliteLedger::open(&data.join("ledger.db"), Durability::Relaxed).unwrap()
}

fn start_worker(data: &Path, gateway: &str) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "worker", "--ignored", "--nocapture"]);
    command.env("GITLEDGER_TEST_WORKER", data).env("PUSHGATEWAY_URL", gateway).env("RUST_LOG", "off");
    Process::start("worker", command)
}

/// Something happens: an operation that succeeds, fails or stays open; a sandbox that comes, is used or goes. Its clock
/// is up to half a second behind.
async fn happen(ledger: &dyn Ledger, dice: &mut Dice) {
    let late = SignedDuration::from_millis(i64::try_from(dice.roll(500)).unwrap());
    let at = Timestamp::now() - late;
    let all = Elapsed::from_millis(dice.roll(3000));
    let timing = Timing { duration_ms: all, git_ms: all, sandbox_wait_ms: Elapsed::ZERO };
    let name = ["clone", "push", "status"][usize::try_from(dice.roll(3)).unwrap()];
    let operation = Stream::operation(Uuid::now_v7());
    let sandbox = Stream::sandbox(&format!("s{}", dice.roll(4))).unwrap();
    let (stream, fact): (Stream, Fact) = match dice.roll(6) {
        0 => (sandbox, history::created(all, at).into()),
        1 => (sandbox, SandboxKilled { reason: KillReason::Idle }.into()),
        2 => {
            let reuse = if dice.roll(2) == 0 { Reuse::New } else { Reuse::Ready };
            (sandbox, SandboxLeased { operation_id: Uuid::now_v7(), epoch: 1, until: at, reuse }.into())
        }
        3 => (operation, history::requested(at).into()),
        4 => (operation, history::failed("merge-conflict", "conflict", timing).into()),
        _ => (operation, history::succeeded(timing).into()),
    };
    history::append(ledger, stream, name, at, vec![fact]).await;
}

/// The samples of a text that must never fall: counters, histograms, and the fence under which they were published.
fn rising(text: &str) -> BTreeMap<String, f64> {
    let (mut found, mut rises) = (BTreeMap::new(), false);
    for line in text.lines() {
        if let Some(told) = line.strip_prefix("# TYPE ") {
            rises = told.ends_with(" counter") || told.ends_with(" histogram");
            continue;
        }
        let Some((name, value)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) else { continue };
        let ours = name.contains("job=\"git_projector\"");
        if ours
            && (rises
                || name.starts_with("git_projector_epoch")
                || name.starts_with("git_projector_position"))
        {
            found.insert(name.to_owned(), value.parse().unwrap());
        }
    }
    found
}

/// What a plain script counts in the events, by the name of the series without job and instance.
fn counted(events: &[serde_json::Value]) -> BTreeMap<String, f64> {
    let mut counted = BTreeMap::<String, f64>::new();
    let mut add = |series: String, number: f64| *counted.entry(series).or_default() += number;
    for event in events {
        let operation = event["operation"].as_str().unwrap_or_default();
        let kind = event["type"].as_str().unwrap_or_default().trim_start_matches("gitledger.");
        let data = &event["data"];
        let mut status =
            |status| add(format!("git_operation_total|operation={operation}|status={status}"), 1.0);
        match kind {
            "OperationRequested" => status("started"),
            "OperationSucceeded" => {
                status("started");
                status("success");
            }
            "OperationFailed" => {
                status("started");
                status("failure");
                add(format!("git_errors_total|error_type=conflict|operation={operation}"), 1.0);
                add("git_failures_total|code=merge-conflict".to_owned(), 1.0);
            }
            "SandboxCreated" => add("sandbox_creation_seconds_count".to_owned(), 1.0),
            "SandboxLeased" if data["reuse"] == "new" => add("sandbox_cache_misses_total".to_owned(), 1.0),
            "SandboxLeased" => add("sandbox_cache_hits_total".to_owned(), 1.0),
            _ => {}
        }
        let worked = data["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0);
        if worked {
            add(format!("git_operation_duration_seconds_count|operation={operation}"), 1.0);
        }
    }
    counted
}

/// `name{a="b",job="x"} ` as `name|a=b`, labels sorted.
fn plain(series: &str) -> String {
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let labels = labels.trim_end_matches('}').split(',').map(|label| label.replace('"', ""));
    let mut own: Vec<String> =
        labels.filter(|l| !l.is_empty() && !l.starts_with("job=") && !l.starts_with("instance=")).collect();
    own.sort();
    own.into_iter().fold(name.to_owned(), |name, label| format!("{name}|{label}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_the_numbers_are_the_fold_and_never_go_back() {
    let rounds =
        std::env::var("GITLEDGER_EXAMPLES").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let setup = Setup::new();
    std::fs::create_dir_all(setup.data()).unwrap();
    let ledger = open(&setup.data());
    let mut pushgateway = Pushgateway::start().await;
    let mut dice = Dice(11);
    let mut workers: Vec<Process> = (0..2).map(|_| start_worker(&setup.data(), pushgateway.url())).collect();
    let mut last = BTreeMap::<String, f64>::new();
    let (mut scrapes, mut killed) = (0, [0; 2]);
    for round in 0..rounds {
        for _ in 0..=dice.roll(8) {
            happen(&ledger, &mut dice).await;
        }
        if dice.roll(4) == 0 {
            pushgateway = pushgateway.killed_and_started().await;
            killed[0] += 1;
        } else {
            let one = usize::try_from(dice.roll(2)).unwrap();
            workers.remove(one).kill().await;
            workers.push(start_worker(&setup.data(), pushgateway.url()));
            killed[1] += 1;
        }
        let until = tokio::time::Instant::now() + Duration::from_millis(dice.roll(400));
        while tokio::time::Instant::now() < until {
            let now = rising(&pushgateway.metrics().await);
            for (series, value) in now {
                let before = last.insert(series.clone(), value).unwrap_or_default();
                assert!(value >= before, "round {round}: {series} went from {before} back to {value}");
            }
            scrapes += 1;
        }
    }
    println!(
        "{rounds} rounds: {} times the Pushgateway was killed, {} times a worker; {scrapes} scrapes",
        killed[0], killed[1]
    );

    let recorded = ledger.read_all(Position::START, 10_000).await.unwrap();
    let events: Vec<serde_json::Value> = recorded.iter().map(Recorded::cloud_event).collect();
    let head = events.len().to_string();
    let text = wait::until("everything is published", async || {
        let text = pushgateway.metrics().await;
        let position = text.lines().find(|line| line.starts_with("git_projector_position{"))?;
        (position.rsplit_once(' ')?.1 == head).then_some(text)
    })
    .await;
    for worker in workers {
        worker.kill().await;
    }
    let published: BTreeMap<String, f64> =
        rising(&text).iter().map(|(name, value)| (plain(name), *value)).collect();
    let counted = counted(&events);
    assert!(counted.len() > 10, "{counted:?}");
    for (series, count) in &counted {
        assert_eq!(published.get(series), Some(count), "{series}");
    }
    for (series, value) in &published {
        let whole = ["git_operation_total", "git_errors_total", "git_failures_total"];
        if whole.iter().any(|name| series.starts_with(name)) && !counted.contains_key(series) {
            assert_eq!(*value, 0.0, "{series} was counted, and there is no such event");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_understands_is_parked_and_folded_at_its_place_when_somebody_does() {
    let setup = Setup::new();
    std::fs::create_dir_all(setup.data()).unwrap();
    let ledger = open(&setup.data());
    let mut dice = Dice(5);
    for _ in 0..30 {
        happen(&ledger, &mut dice).await;
    }
    let file = || rusqlite::Connection::open(setup.data().join("ledger.db")).unwrap();
    let event: i64 = file()
        .query_row("SELECT max(pos) FROM events WHERE type = 'OperationSucceeded'", [], |row| row.get(0))
        .unwrap();
    let rename = |name: &str| {
        file().execute_batch(&format!("DROP TRIGGER IF EXISTS events_never_change; UPDATE events SET type = '{name}' WHERE pos = {event}")).unwrap();
    };
    let projection = |arguments: &[&str]| {
        let output = setup.run(&[&["projection"], arguments].concat());
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let succeeded = async || {
        let system = setup.start().await;
        let (_, text) = system.get("/metrics").await;
        system.stop().await;
        let text = text.as_str().unwrap().to_owned();
        let sum = |name: &str| -> f64 {
            text.lines()
                .filter(|line| {
                    line.starts_with(name) && line.contains("success") | !name.contains("operation")
                })
                .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
                .sum()
        };
        (sum("git_operation_total{"), sum("git_projector_parked_events"))
    };
    let (all, none) = succeeded().await;
    assert!(all > 1.0 && none == 0.0);

    rename("SomethingOfTomorrow");
    // Whoever only looks writes nothing: most functions may not.
    file().execute_batch("DELETE FROM projections").unwrap();
    let reader: Arc<dyn Ledger> = Arc::new(open(&setup.data()));
    let projector = Projector::load(reader.clone()).await.unwrap();
    drop(projector.caught_up().await.unwrap());
    assert!(reader.parked(&KEY).await.unwrap().is_empty());
    assert!(projector.save().await.unwrap());
    assert_eq!(reader.parked(&KEY).await.unwrap().len(), 1);
    assert_eq!(projection(&["rebuild"]).0, Some(1));
    let (code, listed) = projection(&["list"]);
    assert!(
        code == Some(0)
            && listed.contains("SomethingOfTomorrow")
            && listed.contains(&format!("{event}  parked")),
        "{listed}"
    );
    assert_eq!(succeeded().await, (all - 1.0, 1.0), "the others are counted");
    assert_eq!(projection(&["retry"]).0, Some(1), "it is still not understood");

    rename("OperationSucceeded");
    assert_eq!(projection(&["retry"]).0, Some(0));
    assert!(projection(&["list"]).1.contains("folded since"));
    assert_eq!(succeeded().await, (all, 0.0));
}
