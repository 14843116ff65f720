//! Several processes on one ledger, killed at any point: eight that append, a sequencer, two projectors.
//!
//! The other processes are this test program itself: it is started again with the name of the ignored test
//! [`child`] and with [`ROLE`] set.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use gitledger_ledger::dynamo::{DynamoLedger, DynamoSettings};
use gitledger_ledger::{Ledger, LedgerError, Position, ProjectionKey, SavedProjection};
use serde::{Deserialize, Serialize};

use super::engine::{Engine, client, named};
use super::sequenced::Pump;
use super::sequencing::Dice;
use super::whole::{check, everything, numbered};

const ROLE: &str = "LEDGER_TEST_ROLE";
const ENGINE: &str = "LEDGER_TEST_ENGINE";
const TABLES: &str = "LEDGER_TEST_TABLES";
const WRITERS: u128 = 8;
const COMMITS: u128 = 25;
const KEY: ProjectionKey = ProjectionKey { name: "counters", version: 1 };

/// What a projector adds up: events, and events per stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Counters {
    events: u64,
    streams: std::collections::BTreeMap<String, u64>,
}

impl Counters {
    fn apply(&mut self, stream: &str) {
        self.events += 1;
        *self.streams.entry(stream.to_owned()).or_default() += 1;
    }
}

fn start(role: &str, settings: &DynamoSettings) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(ENGINE, settings.endpoint.as_ref().unwrap().as_str())
        .env(TABLES, settings.events_table.trim_start_matches("events-"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Not a test: what the other processes do.
#[tokio::test]
#[ignore = "started by the other tests"]
async fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let variable = |name| std::env::var(name).unwrap();
    let settings = named(&variable(ENGINE).parse().unwrap(), &variable(TABLES));
    let ledger = DynamoLedger::new(settings.clone(), client()).unwrap();
    match role.as_str() {
        "sequencer" => {
            let mut pump = Pump::new(&ledger, &settings);
            loop {
                // A race that is lost for long gives the batch back; it comes again.
                if !pump.once().await.unwrap_or(true) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
        "projector" => loop {
            project(&ledger).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        },
        writer => {
            let writer: u128 = writer.parse().unwrap();
            for number in 0..COMMITS {
                ledger.append(numbered(writer, number)).await.unwrap();
                // One write: a line is whole or not there when this process is killed.
                std::io::stdout().lock().write_all(format!("ack {number}\n").as_bytes()).unwrap();
            }
        }
    }
}

/// Folds a few events more and saves.
async fn project(ledger: &DynamoLedger) -> Result<(), LedgerError> {
    let saved = ledger.load_projection(&KEY).await?;
    let position = saved.as_ref().map_or(Position::START, |saved| saved.position);
    let mut counters: Counters =
        saved.map(|saved| serde_json::from_slice(&saved.state).unwrap()).unwrap_or_default();
    let events = ledger.read_all(position, 7).await?;
    let Some(last) = events.last().map(|last| last.position) else { return Ok(()) };
    for one in events {
        counters.apply(one.record.stream.as_str());
    }
    let next = SavedProjection { position: last, state: serde_json::to_vec(&counters).unwrap() };
    ledger.save_projection(&KEY, position, next).await.map(drop)
}

/// Starts a process again and again, and kills it each time after a while, until it is time to end.
fn keep_killing(
    role: &'static str,
    settings: &DynamoSettings,
    seed: u64,
    end: &AtomicBool,
    kills: &AtomicU32,
) {
    let mut dice = Dice(seed);
    while !end.load(Ordering::SeqCst) {
        let mut child = start(role, settings);
        // The point at which it dies is meant to be any.
        std::thread::sleep(Duration::from_millis(60 + u64::try_from(dice.below(250)).unwrap()));
        child.kill().unwrap();
        child.wait().unwrap();
        kills.fetch_add(1, Ordering::SeqCst);
    }
}

/// Runs a writer until it has appended everything; kills it once on the way. What it acknowledged.
fn write(writer: u128, settings: &DynamoSettings) -> HashSet<u128> {
    let mut acknowledged = HashSet::new();
    for kill_after in [5 + usize::try_from(writer).unwrap(), usize::MAX] {
        let mut child = start(&writer.to_string(), settings);
        let mut heard = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            let number: Option<u128> = line.rsplit_once("ack ").and_then(|(_, number)| number.parse().ok());
            acknowledged.extend(number);
            heard += usize::from(number.is_some());
            if heard == kill_after {
                child.kill().unwrap();
            }
        }
        let status = child.wait().unwrap();
        assert!(status.success() || kill_after < usize::MAX, "the writer failed: {status}");
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_writers_sequencers_and_projectors_lose_and_double_nothing() {
    let engine = Engine::start();
    let (ledger, settings) = engine.ledger().await;
    let end = Arc::new(AtomicBool::new(false));
    let kills = Arc::new(AtomicU32::new(0));
    let others: Vec<_> = [("sequencer", 1), ("projector", 2), ("projector", 3)]
        .into_iter()
        .map(|(role, seed)| {
            let (settings, end, kills) = (settings.clone(), end.clone(), kills.clone());
            std::thread::spawn(move || keep_killing(role, &settings, seed, &end, &kills))
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let settings = settings.clone();
            std::thread::spawn(move || write(writer, &settings))
        })
        .collect();
    for writer in writers {
        let acknowledged = tokio::task::spawn_blocking(move || writer.join().unwrap()).await.unwrap();
        assert_eq!(acknowledged.len(), usize::try_from(COMMITS).unwrap());
    }
    end.store(true, Ordering::SeqCst);
    for other in others {
        tokio::task::spawn_blocking(move || other.join().unwrap()).await.unwrap();
    }
    let kills = kills.load(Ordering::SeqCst);
    assert!(kills >= 10, "only {kills} were killed");

    // Whoever comes after them finds everything as it should be, and ends what they have left.
    Pump::new(&ledger, &settings).drain().await.unwrap();
    assert_eq!(check(&ledger).await, usize::try_from(WRITERS * COMMITS * 2).unwrap());
    let mut fold = Counters::default();
    let all = everything(&ledger).await;
    for one in &all {
        fold.apply(one.record.stream.as_str());
    }
    let head = ledger.head().await.unwrap();
    while ledger.load_projection(&KEY).await.unwrap().is_none_or(|saved| saved.position < head) {
        project(&ledger).await.unwrap();
    }
    let saved = ledger.load_projection(&KEY).await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Counters>(&saved.state).unwrap(), fold);
    println!("{kills} sequencers and projectors killed, {} events", all.len());
}
