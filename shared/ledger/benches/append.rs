//! What a durable append costs, against the cheapest thing that SQLite can do: a row in a bare table.
//!
//! One appender and the bare table take turns every few appends, so that what else the machine does falls
//! on both. `cargo bench -p gitledger-ledger`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gitledger_events::operation::{Effect, OperationRequested};
use gitledger_events::{Actor, NewEvent, Record, Repo, Stream};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_ledger::{Commit, Expected, Ledger};
use jiff::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(700);
/// So many appends at a time.
const TURN: u64 = 16;
/// As many events as an operation that makes a sandbox has.
const EVENTS_PER_STREAM: u64 = 4;
const APPENDERS: u64 = 16;

/// The latencies of one contender, in microseconds, and how long it took altogether.
#[derive(Default)]
struct Timed {
    latencies_us: Vec<f64>,
    rates: Vec<f64>,
}

impl Timed {
    /// One appender: what it does between appends is not counted.
    fn alone(&mut self, latencies_us: Vec<f64>) {
        let spent = Duration::from_secs_f64(latencies_us.iter().sum::<f64>() / 1e6);
        self.round(latencies_us, spent);
    }

    fn round(&mut self, latencies_us: Vec<f64>, elapsed: Duration) {
        #[allow(clippy::cast_precision_loss)]
        self.rates.push(latencies_us.len() as f64 / elapsed.as_secs_f64());
        self.latencies_us.extend(latencies_us);
    }

    fn print(&mut self, name: &str) {
        let (p50, p99) = (quantile(&mut self.latencies_us, 0.50), quantile(&mut self.latencies_us, 0.99));
        let rate = quantile(&mut self.rates, 0.5);
        println!("{name:<44} {rate:>9.0} ev/s   p50 {p50:>7.0} us   p99 {p99:>7.0} us");
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(((values.len() as f64 - 1.0) * q) as usize).copied().unwrap_or_default()
}

fn event(number: u64) -> NewEvent {
    let fact = OperationRequested {
        effect: Effect::Writes,
        input: serde_json::json!({ "path": format!("src/module_{number}.rs"), "message": "a commit of the usual size" }),
        input_digest: format!("{number:064x}"),
        sandbox_id: Some("ix3k9dyzr0lqbm0p2v7nt".to_owned()),
        holder: Some("local-4711".to_owned()),
        deadline: Timestamp::UNIX_EPOCH,
    };
    NewEvent {
        id: Uuid::now_v7(),
        recorded_at: Timestamp::UNIX_EPOCH,
        operation: Some("commit".to_owned()),
        actor: Actor::new("agent-7", "task-1234"),
        repo: Some(Repo::from_parts("github.com", "acme/app")),
        correlation_id: Uuid::from_u128(number.into()),
        causation_id: None,
        fact: fact.into(),
    }
}

fn commit(number: u64) -> Commit {
    // Streams in no order, as operation ids are when they are derived from a caller's key.
    let operation = Uuid::new_v5(&Uuid::NAMESPACE_OID, &(number / EVENTS_PER_STREAM).to_be_bytes());
    Commit {
        id: Uuid::new_v5(&operation, &number.to_be_bytes()),
        stream: Stream::operation(operation),
        expected: Expected::Version(number % EVENTS_PER_STREAM),
        events: vec![event(number)],
    }
}

struct Raw {
    connection: Connection,
    number: u64,
}

impl Raw {
    fn open(path: &Path, synchronous: &str) -> Self {
        let connection = Connection::open(path).expect("opens");
        let sql = format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
             CREATE TABLE log (pos INTEGER PRIMARY KEY, body BLOB NOT NULL);"
        );
        connection.execute_batch(&sql).expect("a table");
        Self { connection, number: 0 }
    }

    /// One turn; adds its latencies.
    fn turn(&mut self, latencies_us: &mut Vec<f64>) {
        for _ in 0..TURN {
            self.number += 1;
            let one = event(self.number);
            let stream = commit(self.number).stream;
            let start = Instant::now();
            let record = Record::new(stream, 1, &one).expect("encodes");
            let body = serde_json::to_vec(&record).expect("encodes");
            let mut insert =
                self.connection.prepare_cached("INSERT INTO log (body) VALUES (?1)").expect("sql");
            insert.execute([body]).expect("inserts");
            latencies_us.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
}

/// One turn of an appender; adds its latencies and returns the next number.
async fn turn(ledger: &SqliteLedger, first: u64, latencies_us: &mut Vec<f64>) -> u64 {
    for number in first..first + TURN {
        let commit = commit(number);
        let start = Instant::now();
        ledger.append(commit).await.expect("appends");
        latencies_us.push(start.elapsed().as_secs_f64() * 1e6);
    }
    first + TURN
}

/// Takes turns for one round, from a task of the runtime, as a function does.
async fn paired_round(mut raw: Raw, ledger: Arc<SqliteLedger>, first: u64) -> (Raw, [Vec<f64>; 2], u64) {
    let task = tokio::spawn(async move {
        let started = Instant::now();
        let (mut bare, mut ours, mut number) = (Vec::new(), Vec::new(), first);
        while started.elapsed() < 2 * ROUND {
            raw.turn(&mut bare);
            number = turn(&ledger, number, &mut ours).await;
        }
        (raw, [bare, ours], number)
    });
    task.await.expect("a round")
}

async fn lone_round(ledger: Arc<SqliteLedger>, first: u64) -> (Vec<f64>, Duration) {
    let started = Instant::now();
    let (mut latencies_us, mut number) = (Vec::new(), first);
    while started.elapsed() < ROUND {
        number = turn(&ledger, number, &mut latencies_us).await;
    }
    (latencies_us, started.elapsed())
}

async fn concurrent_round(ledger: &Arc<SqliteLedger>, timed: &mut Timed, round: u64) {
    let base = (round + 1) << 32;
    let tasks: Vec<_> = (0..APPENDERS)
        .map(|appender| tokio::spawn(lone_round(Arc::clone(ledger), base + (appender << 24))))
        .collect();
    let mut all = Vec::new();
    let mut longest = Duration::ZERO;
    for task in tasks {
        let (latencies_us, elapsed) = task.await.expect("an appender");
        all.extend(latencies_us);
        longest = longest.max(elapsed);
    }
    timed.round(all, longest);
}

async fn compare(durability: Durability, synchronous: &str) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let mut raw = Raw::open(&folder.path().join("raw.db"), synchronous);
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db"), durability).expect("a ledger");
    let ledger = Arc::new(ledger);
    let (mut bare, mut alone, mut together) = (Timed::default(), Timed::default(), Timed::default());
    let mut ratios = Vec::new();
    let mut number = 0;
    for round in 0..ROUNDS {
        let latencies_us;
        (raw, latencies_us, number) = paired_round(raw, Arc::clone(&ledger), number).await;
        let [of_bare, of_ours] = latencies_us;
        bare.alone(of_bare);
        alone.alone(of_ours);
        ratios.push(alone.rates.last().zip(bare.rates.last()).map_or(0.0, |(ours, theirs)| ours / theirs));
        concurrent_round(&ledger, &mut together, round as u64).await;
    }
    println!("synchronous = {synchronous}");
    let (p50_ours, p50_bare) =
        (quantile(&mut alone.latencies_us, 0.5), quantile(&mut bare.latencies_us, 0.5));
    bare.print("  bare table, rowid and blob");
    alone.print("  ledger, one appender");
    together.print("  ledger, 16 appenders at once");
    let ratio = quantile(&mut ratios, 0.5);
    println!(
        "  ledger / bare table, median of {ROUNDS} rounds: {ratio:.2} in ev/s (each round: {}), {:.2} in p50",
        ratios.iter().map(|ratio| format!("{ratio:.2}")).collect::<Vec<_>>().join(" "),
        p50_ours / p50_bare
    );
}

fn main() {
    println!("one event is {} bytes of JSON as a record", {
        let record = Record::new(commit(1).stream, 1, &event(1)).expect("encodes");
        serde_json::to_string(&record).expect("encodes").len()
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        compare(Durability::Full, "FULL").await;
        compare(Durability::Relaxed, "NORMAL").await;
    });
}
