//! Several processes on one ledger: at once, killed at any point, started again.
//!
//! The other processes are this test program itself: it is started again with the name of the ignored
//! test [`child`] and with [`PATH`] set.

#![allow(clippy::unwrap_used)] // a panic is the report of a test

mod checks;

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gitledger_ledger::contract::sample::{commit, commit_of, event, stream};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_ledger::{Commit, Expected, Ledger, Position, Recorded};
use uuid::Uuid;

use self::checks::check_file;

const PATH: &str = "LEDGER_TEST_PATH";
const WRITER: &str = "LEDGER_TEST_WRITER";
const FIRST: &str = "LEDGER_TEST_FIRST";
const COUNT: &str = "LEDGER_TEST_COUNT";
const APPENDERS: u128 = 3;

fn open(path: &Path) -> SqliteLedger {
    SqliteLedger::open(path, Durability::Full).unwrap()
}

/// Commit number `number` of a writer: two events in one of the writer's streams, so that half a commit
/// would show. The same number gives the same commit.
fn numbered(writer: u128, number: u128) -> Commit {
    let events = vec![event(format!("{number} a")), event(format!("{number} b"))];
    commit_of((writer << 64) | number, stream(writer * 10 + number % APPENDERS), Expected::Any, events)
}

/// Starts a process that appends the commits `first..first + count` of a writer.
fn start(path: &Path, writer: u128, first: u128, count: u128) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(PATH, path)
        .env(WRITER, writer.to_string())
        .env(FIRST, first.to_string())
        .env(COUNT, count.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Not a test: what the other processes do. Prints the number of each commit once it is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the other tests"]
async fn child() {
    let Some(path) = std::env::var_os(PATH) else { return };
    let number = |name| std::env::var(name).unwrap().parse::<u128>().unwrap();
    let (writer, first, end) = (number(WRITER), number(FIRST), number(FIRST) + number(COUNT));
    let ledger = std::sync::Arc::new(open(Path::new(&path)));
    // Several at once, so that commits also share transactions.
    let appenders = (0..APPENDERS).map(|appender| {
        let ledger = std::sync::Arc::clone(&ledger);
        tokio::spawn(async move {
            for number in (first..end).filter(|number| number % APPENDERS == appender) {
                ledger.append(numbered(writer, number)).await.unwrap();
                // One write: a line is whole or not there when this process is killed.
                std::io::stdout().lock().write_all(format!("ack {number}\n").as_bytes()).unwrap();
            }
        })
    });
    for appender in appenders.collect::<Vec<_>>() {
        appender.await.unwrap();
    }
}

/// Reads acknowledged numbers until the process ends, and kills it after so many.
fn acknowledged(mut child: Child, kill_after: usize) -> HashSet<u128> {
    let mut numbers = HashSet::new();
    let mut killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        let number: Option<u128> = line.rsplit_once("ack ").and_then(|(_, number)| number.parse().ok());
        numbers.extend(number);
        if numbers.len() >= kill_after && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    let status = child.wait().unwrap();
    assert!(status.success() || killed, "the writer failed: {status}");
    numbers
}

async fn everything(ledger: &SqliteLedger) -> Vec<Recorded> {
    let mut all: Vec<Recorded> = Vec::new();
    loop {
        let after = all.last().map_or(Position::START, |last| last.position);
        let page = ledger.read_all(after, 1000).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Positions and versions have no gap, no event is there twice, every commit is whole. Returns how often
/// each commit is there.
fn check_whole(all: &[Recorded]) -> BTreeMap<(String, String), usize> {
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    let mut commits: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (position, one) in (1..).zip(all) {
        assert_eq!(one.position, Position::from_u64(position), "a gap in the ledger");
        let stream = one.record.stream.as_str().to_owned();
        let version = versions.entry(stream.clone()).or_default();
        *version += 1;
        assert_eq!(one.record.version, *version, "a gap in {stream}");
        let data: serde_json::Value = serde_json::from_str(one.record.data.get()).unwrap();
        let (number, _) = data["evidence"].as_str().unwrap().split_once(' ').unwrap();
        *commits.entry((stream, number.to_owned())).or_default() += 1;
    }
    assert_eq!(all.iter().map(|one| one.record.id).collect::<HashSet<Uuid>>().len(), all.len());
    assert!(commits.values().all(|events| *events == 2), "half a commit, or one twice");
    commits
}

#[tokio::test(flavor = "multi_thread")]
async fn four_processes_appending_at_once_lose_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let children: Vec<_> = (1..=4).map(|writer| start(&path, writer, 0, 150)).collect();
    let reader = tokio::spawn({
        let path = path.clone();
        async move {
            let ledger = open(&path);
            let mut live: Vec<Recorded> = Vec::new();
            while live.len() < 4 * 150 * 2 {
                let after = live.last().map_or(Position::START, |last| last.position);
                assert!(ledger.wait(after, Duration::from_mins(1)).await.unwrap(), "nothing comes");
                live.extend(ledger.read_all(after, 100).await.unwrap());
            }
            live
        }
    });
    let acknowledged: Vec<_> = children
        .into_iter()
        .map(|child| std::thread::spawn(|| acknowledged(child, usize::MAX)))
        .map(|reading| reading.join().unwrap().len())
        .collect();
    assert_eq!(acknowledged, [150; 4]);
    let live = reader.await.unwrap();
    assert_eq!(check_whole(&live).len(), 600);
    assert!(check_file(&path) > 0, "nothing is filed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_sigkill_and_a_retry_doubles_nothing() {
    const KILLS_PER_WRITER: usize = 32;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let writers: Vec<_> = [1, 2]
        .map(|writer: u128| {
            let path = path.clone();
            std::thread::spawn(move || {
                let (mut all, mut next) = (HashSet::new(), 0);
                for kill in 0..KILLS_PER_WRITER {
                    // Where in an append the signal comes is left to chance.
                    let seen = acknowledged(start(&path, writer, next, 1_000_000), 1 + kill * 7 % 23);
                    all.extend(seen);
                    // The next one starts with what may be half done: a retry, with the same commit ids.
                    next = all.iter().max().map_or(0, |newest| newest.saturating_sub(2));
                }
                (writer, all)
            })
        })
        .into_iter()
        .map(|writer| writer.join().unwrap())
        .collect();
    assert!(check_file(&path) > 0, "nothing is filed");
    let ledger = open(&path);
    let commits = check_whole(&everything(&ledger).await);
    let mut total = 0;
    for (writer, numbers) in writers {
        for number in &numbers {
            let key = (numbered(writer, *number).stream.to_string(), number.to_string());
            assert!(commits.contains_key(&key), "{key:?} was acknowledged and is lost");
            let again = ledger.append(numbered(writer, *number)).await.unwrap();
            assert!(again.repeated, "{key:?} was appended twice");
        }
        total += numbers.len();
    }
    assert!(total >= 2 * KILLS_PER_WRITER, "only {total} acknowledged: the kills came too early");
    assert_eq!(check_whole(&everything(&ledger).await), commits, "a retry has appended");
}

#[tokio::test]
async fn what_another_process_appends_ends_a_wait() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = open(&path);
    let appended = ledger.append(commit(1, stream(1), Expected::Empty)).await.unwrap();
    let child = start(&path, 9, 0, 1);
    assert!(ledger.wait(appended.position.unwrap(), Duration::from_mins(1)).await.unwrap());
    assert_eq!(acknowledged(child, usize::MAX).len(), 1);
}
