//! How fast the past is asked: a replay from SQLite and from sealed segments beside the same events decoded and folded
//! in memory, with the JSON reader in use and with the fastest one there is; and a month of a thousand agents simulated.
//!
//! Processor time of one thread, so that what else the machine does counts little. `cargo bench -p gitledger-projections`;
//! `-- sqlite` reads from SQLite only, again and again, for a profiler.
//!
//! With `GITLEDGER_PEER` naming the program of `tests/peers/cqrs-es`, that replays the same events beside.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // rates, and a number below four

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use gitledger_events::operation::{Effect, OperationRequested, OperationSucceeded, Timing};
use gitledger_events::sandbox::{
    KillReason, Reuse, SandboxCreated, SandboxKilled, SandboxLeased, SandboxReleased,
};
use gitledger_events::{Actor, Elapsed, Fact, NewEvent, Repo, Stream};
use gitledger_ledger::sqlite::{Durability, Scanner, SqliteLedger};
use gitledger_ledger::{Commit, Expected, Ledger, Position};
use gitledger_projections::replay::reading::{ReadJson, SerdeJson};
use gitledger_projections::replay::segment::{Segment, read_next};
use gitledger_projections::replay::{Account, Figures, Names, RawEvent};
use gitledger_projections::simulation::synthetic::Team;
use gitledger_projections::simulation::{Setting, simulate};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

const OPERATIONS: u64 = 60_000;
const PER_SANDBOX: u64 = 10;
const SEGMENT: usize = 16_384;
const ROUNDS: usize = 5;

/// The fastest JSON reader for Rust.
struct Sonic;

impl ReadJson for Sonic {
    fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
        sonic_rs::from_str(text).map_err(|error| error.to_string())
    }
}

/// A row, owned.
struct Kept {
    position: u64,
    stream: String,
    version: u64,
    name: String,
    at: i64,
    meta: String,
    data: String,
}

impl Kept {
    fn raw(&self) -> RawEvent<'_> {
        let Self { position, stream, version, name, at, meta, data } = self;
        RawEvent { position: *position, stream, version: *version, name, at: *at, meta, data }
    }
}

fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ledger.db");
    fill(&path);
    let rows = kept(&path);
    let count = rows.len() as u64;
    let bytes: usize = rows.iter().map(|row| row.meta.len() + row.data.len()).sum();
    println!("{count} events, {} bytes of JSON each", bytes as u64 / count);
    let sealed = seal(&rows, dir.path());

    let want = in_memory::<SerdeJson>(&rows);
    if std::env::args().any(|argument| argument == "sqlite") {
        for _ in 0..4 * ROUNDS {
            assert!(from_sqlite(&path) == want, "SQLite says something else");
        }
        return;
    }
    let mut rates = [[0.0f64; ROUNDS]; 5];
    for round in 0..ROUNDS {
        let work: [&dyn Fn() -> Figures; 5] = [
            &|| in_memory::<SerdeJson>(&rows),
            &|| in_memory::<Sonic>(&rows),
            &|| in_memory_narrow(&rows),
            &|| from_sqlite(&path),
            &|| from_segments(&sealed),
        ];
        for (rate, work) in rates.iter_mut().zip(work) {
            let start = cpu_s();
            let found = work();
            rate[round] = count as f64 / (cpu_s() - start);
            assert!(found == want, "one of the ways says something else");
        }
    }
    let [serde, sonic, narrow, sqlite, segments] = rates.map(median);
    println!("in memory, serde_json   {:>6.2} M events/s", serde / 1e6);
    println!("in memory, sonic-rs     {:>6.2} M events/s", sonic / 1e6);
    println!("in memory, as we read   {:>6.2} M events/s", narrow / 1e6);
    println!(
        "from SQLite             {:>6.2} M events/s, {:.2} of the fastest JSON reader in memory",
        sqlite / 1e6,
        sqlite / serde.max(sonic)
    );
    println!("from segments           {:>6.2} M events/s", segments / 1e6);
    peer(&path, sqlite, segments);
    simulation();
}

/// The same events replayed by another library from its own SQLite store.
fn peer(ledger: &Path, sqlite: f64, segments: f64) {
    let Some(program) = std::env::var_os("GITLEDGER_PEER") else { return };
    let output = std::process::Command::new(program).arg(ledger).output().expect("the peer's program");
    let said = String::from_utf8_lossy(&output.stdout);
    let rate: f64 =
        said.trim().parse().unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    println!(
        "cqrs-es, its SQLite     {:>6.3} M events/s; from SQLite {:.1} times, from segments {:.1} times that",
        rate / 1e6,
        sqlite / rate,
        segments / rate
    );
}

fn simulation() {
    let team = Team { agents: 1000, repos: 50, ..Team::SEED_BASELINE };
    let workload = team.workload(1);
    let (start, cpu) = (Instant::now(), cpu_s());
    let outcome = simulate(&workload, &Setting::default());
    println!(
        "a month of 1000 agents, {} operations: {:.2} s of processor time, {:.2} s; {} sandboxes at once",
        outcome.asked,
        cpu_s() - cpu,
        start.elapsed().as_secs_f64(),
        outcome.peak
    );
}

fn median(mut rates: [f64; ROUNDS]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}

/// Processor time of this thread, where the system tells it; else the clock on the wall.
fn cpu_s() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    nanos.map_or_else(|| Timestamp::now().as_microsecond() as f64 / 1e6, |nanos| nanos / 1e9)
}

fn figures(account: &Account, names: &Names) -> Figures {
    let at = Timestamp::from_microsecond(account.newest).unwrap_or_default();
    account.figures(names, at)
}

fn in_memory<R: ReadJson>(rows: &[Kept]) -> Figures {
    let (mut account, mut names) = (Account::default(), Names::default());
    for row in rows {
        let brief = row.raw().brief_by::<R>(&mut names).expect("readable");
        account.apply(&brief, &names);
    }
    figures(&account, &names)
}

fn in_memory_narrow(rows: &[Kept]) -> Figures {
    let (mut account, mut names) = (Account::default(), Names::default());
    for row in rows {
        let brief = row.raw().brief(&mut names).expect("readable");
        account.apply(&brief, &names);
    }
    figures(&account, &names)
}

fn from_sqlite(path: &Path) -> Figures {
    let (mut account, mut names) = (Account::default(), Names::default());
    let scanner = Scanner::open(path).expect("a ledger");
    let read = scanner.after(Position::START, |lent| {
        let raw = RawEvent {
            position: lent.position,
            stream: lent.stream,
            version: lent.version,
            name: lent.name,
            at: lent.at,
            meta: lent.meta,
            data: lent.data,
        };
        let brief = raw.brief(&mut names).expect("readable");
        account.apply(&brief, &names);
        ControlFlow::Continue(())
    });
    read.expect("read");
    figures(&account, &names)
}

fn from_segments(files: &[std::path::PathBuf]) -> Figures {
    let (mut account, mut names, mut after) = (Account::default(), Names::default(), 0);
    for file in files {
        let bytes = std::fs::read(file).expect("a segment");
        let read = read_next(&bytes, after, &mut names, |brief, names| account.apply(brief, names));
        after = read.expect("sound").last;
    }
    figures(&account, &names)
}

fn seal(rows: &[Kept], dir: &Path) -> Vec<std::path::PathBuf> {
    let (mut names, mut files, mut after) = (Names::default(), Vec::new(), 0);
    for chunk in rows.chunks(SEGMENT) {
        let names_before = names.len();
        let briefs: Vec<_> = chunk.iter().map(|row| row.raw().brief(&mut names).expect("readable")).collect();
        let last = chunk.last().map_or(after, |row| row.position);
        let segment = Segment { after, last, names_before, briefs, ..Segment::default() };
        let file = dir.join(format!("{after}.segment"));
        std::fs::write(&file, segment.to_bytes(&names)).expect("written");
        files.push(file);
        after = last;
    }
    files
}

fn kept(path: &Path) -> Vec<Kept> {
    let mut rows = Vec::new();
    let scanner = Scanner::open(path).expect("a ledger");
    let read = scanner.after(Position::START, |lent| {
        rows.push(Kept {
            position: lent.position,
            stream: lent.stream.to_owned(),
            version: lent.version,
            name: lent.name.to_owned(),
            at: lent.at,
            meta: lent.meta.to_owned(),
            data: lent.data.to_owned(),
        });
        ControlFlow::Continue(())
    });
    read.expect("read");
    rows
}

/// Operations as they are: request, lease, release, outcome; every tenth has a sandbox made, and the last in it ends it.
fn fill(path: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let ledger = SqliteLedger::open(path, Durability::Relaxed).expect("a ledger");
    let mut versions = 0;
    for number in 0..OPERATIONS {
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number));
        let at = |micros: i64| {
            let start = 1_773_100_800_000_000 + i64::try_from(number).unwrap_or(0) * 5_000_000;
            Timestamp::from_microsecond(start + micros).unwrap_or_default()
        };
        let event = |micros: i64, fact: Fact| NewEvent {
            id: Uuid::from_u128(id.as_u128() + u128::try_from(micros).unwrap_or(0) + (1 << 70)),
            recorded_at: at(micros),
            operation: Some(["clone", "commit", "push", "status"][(number % 4) as usize].to_owned()),
            actor: Actor::new(format!("agent-{:03}", number % 200), format!("task-{}", number % 1000)),
            repo: Some(Repo::from_parts("github.com", &format!("acme/app{}", number % 20))),
            correlation_id: id,
            causation_id: None,
            fact,
        };
        let sandbox = Stream::sandbox(&format!("i{:012x}", number / PER_SANDBOX)).expect("a stream");
        let epoch = number % PER_SANDBOX + 1;
        let mut on_sandbox = vec![
            event(
                1,
                SandboxLeased { operation_id: id, epoch, until: at(60_000_000), reuse: Reuse::Ready }.into(),
            ),
            event(
                2,
                SandboxReleased { operation_id: id, epoch, held_ms: Elapsed::from_micros(812_345) }.into(),
            ),
        ];
        if epoch == 1 {
            versions = 0;
            on_sandbox.insert(0, event(0, created(id, at(3_600_000_000)).into()));
        }
        if epoch == PER_SANDBOX {
            on_sandbox.push(event(4, SandboxKilled { reason: KillReason::Idle }.into()));
        }
        let expected = if versions == 0 { Expected::Empty } else { Expected::Version(versions) };
        versions += on_sandbox.len() as u64;
        let commit = |id, stream, expected, events| Commit { id, stream, expected, events };
        let commits = [
            commit(
                id,
                Stream::operation(id),
                Expected::Empty,
                vec![event(0, requested(at(60_000_000)).into())],
            ),
            commit(Uuid::from_u128(id.as_u128() + (1 << 71)), sandbox, expected, on_sandbox),
            commit(
                Uuid::from_u128(id.as_u128() + (1 << 72)),
                Stream::operation(id),
                Expected::Version(1),
                vec![event(3, succeeded(number).into())],
            ),
        ];
        for commit in commits {
            runtime.block_on(ledger.append(commit)).expect("appended");
        }
    }
}

fn created(request_id: Uuid, expires_at: Timestamp) -> SandboxCreated {
    let creation_ms = Elapsed::from_micros(412_345);
    SandboxCreated {
        request_id,
        template: "base".to_owned(),
        vcpu: 2,
        memory_mb: 512,
        creation_ms,
        expires_at,
    }
}

fn requested(deadline: Timestamp) -> OperationRequested {
    OperationRequested {
        effect: Effect::Writes,
        input: serde_json::json!({"message": "Say what changed and why", "files": ["src/lib.rs", "README.md"]}),
        input_digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        sandbox_id: Some("i0123456789ab".to_owned()),
        holder: Some("local:0190b5d0-0000-7000-8000-000000000000".to_owned()),
        deadline,
    }
}

fn succeeded(number: u64) -> OperationSucceeded {
    let micros = 150_000 + number * 7919 % 4_000_000;
    OperationSucceeded {
        sandbox_id: Some("i0123456789ab".to_owned()),
        timing: Timing {
            duration_ms: Elapsed::from_micros(micros),
            git_ms: Elapsed::from_micros(micros / 2),
            sandbox_wait_ms: Elapsed::from_micros(3000),
        },
        head_before: Some("8d9e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e".to_owned()),
        head_after: Some("1d9e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e".to_owned()),
        refs_changed: Vec::new(),
        bytes: 512,
        output: Some(
            serde_json::json!({"commit_hash": "1d9e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e", "files": 2}),
        ),
        recovered: false,
    }
}
