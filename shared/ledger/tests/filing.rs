//! Filing by stream: what is filed, what is not yet, and what each writing process knows of it.
//!
//! Two ledgers open on one file are to each other as two processes: neither sees the other's memory.

#![allow(clippy::unwrap_used)] // a panic is the report of a test

mod checks;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gitledger_events::Stream;
use gitledger_ledger::contract::sample::{commit, commit_of, event, stream};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_ledger::{AppendError, Appended, Commit, Expected, Ledger, Position};
use rusqlite::Connection;

use self::checks::check_file;

/// So many events are filed at once.
const FILE_EVERY: usize = 128;

fn open(path: &Path) -> SqliteLedger {
    SqliteLedger::open(path, Durability::Relaxed).unwrap()
}

fn sized(id: u128, stream: Stream, expected: Expected, events: usize) -> Commit {
    commit_of(id, stream, expected, (0..events).map(|number| event(format!("{id} {number}"))).collect())
}

async fn versions(ledger: &SqliteLedger, stream: &Stream) -> Vec<u64> {
    ledger.read_stream(stream, 1).await.unwrap().iter().map(|record| record.version).collect()
}

fn again(first: Appended) -> Appended {
    Appended { repeated: true, ..first }
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_any_size_around_a_filing_are_kept_found_and_refused_alike() {
    for before in [0, 1, FILE_EVERY - 2, FILE_EVERY - 1] {
        for size in [1, 2, 100, FILE_EVERY - 1, FILE_EVERY, FILE_EVERY + 1, 2 * FILE_EVERY + 1] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("ledger.db");
            let ledger = open(&path);
            for id in 0..before as u128 {
                ledger.append(commit(id, stream(id), Expected::Empty)).await.unwrap();
            }
            let ours = stream(1_000_000);
            let mut first = Vec::new();
            for (id, events) in [(1, size), (2, 1), (3, size), (4, 1)] {
                let appended = ledger.append(sized(id, ours.clone(), Expected::Any, events)).await.unwrap();
                first.push((sized(id, ours.clone(), Expected::Empty, events), appended));
            }
            let all = 2 * size as u64 + 2;
            for ledger in [&ledger, &open(&path)] {
                assert_eq!(versions(ledger, &ours).await, (1..=all).collect::<Vec<_>>());
                for from in [2, size as u64, size as u64 + 1, all, all + 1] {
                    let found = ledger.read_stream(&ours, from).await.unwrap();
                    assert_eq!(found.first().map(|record| record.version), (from <= all).then_some(from));
                }
                for (commit, appended) in &first {
                    for expected in [Expected::Empty, Expected::Any, Expected::Version(appended.version)] {
                        let repeat = Commit { expected, ..commit.clone() };
                        // What expects the end of the stream is a repeat only of what is at that end.
                        if expected != Expected::Version(all) || commit.id == first[3].0.id {
                            assert_eq!(ledger.append(repeat).await.unwrap(), again(*appended));
                        }
                    }
                }
                let refused = ledger.append(commit(9, ours.clone(), Expected::Version(1))).await;
                assert!(matches!(refused, Err(AppendError::Conflict { actual }) if actual == all));
            }
            check_file(&path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_has_appended_is_known_before_anything_is_decided() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let (here, there) = (open(&path), open(&path));
    // From short of a filing to beyond the next ones; the others' events are filed here and there.
    for round in 0..400_u64 {
        let (id, stream) = (u128::from(round) * 10, stream(u128::from(round / 40)));
        let version = round % 40 * 4;
        here.append(commit(id, stream.clone(), Expected::Version(version))).await.unwrap();
        let theirs = sized(id + 1, stream.clone(), Expected::Version(version + 1), 2);
        let first = there.append(theirs.clone()).await.unwrap();
        let late = here.append(commit(id + 2, stream.clone(), Expected::Version(version + 1))).await;
        assert!(matches!(late, Err(AppendError::Conflict { actual }) if actual == version + 3), "{late:?}");
        assert_eq!(here.append(theirs).await.unwrap(), again(first));
        let blind = there.append(commit(id + 3, stream.clone(), Expected::Any)).await.unwrap();
        assert_eq!(blind.version, version + 4);
        let new = here.append(commit(id + 4, stream.clone(), Expected::Empty)).await;
        assert!(matches!(new, Err(AppendError::Conflict { actual }) if actual == version + 4), "{new:?}");
    }
    assert_eq!(here.head().await.unwrap(), Position::from_u64(1600));
    assert!(check_file(&path) > 1600 - FILE_EVERY as u64);
}

/// Appends at the version that the ledger names, until nobody else was first.
async fn insist(ledger: &SqliteLedger, mut commit: Commit) -> Appended {
    loop {
        match ledger.append(commit.clone()).await {
            Err(AppendError::Conflict { actual }) => commit.expected = Expected::Version(actual),
            done => return done.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_that_append_to_the_same_streams_through_two_ledgers_leave_no_gap() {
    const SIZES: [usize; 8] = [1, 3, 1, FILE_EVERY - 1, 1, FILE_EVERY, 100, FILE_EVERY + 1];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledgers = [Arc::new(open(&path)), Arc::new(open(&path))];
    let writers: Vec<_> = (0..8_u128)
        .map(|writer| {
            let ledger = Arc::clone(&ledgers[usize::from(writer % 2 == 0)]);
            tokio::spawn(async move {
                let mut events = 0;
                for number in 0..48_u128 {
                    let size = if number % 16 < 8 { 1 } else { SIZES[usize::try_from(number % 8).unwrap()] };
                    let expected = if number % 2 == 0 { Expected::Any } else { Expected::Empty };
                    let commit = sized((writer << 64) | number, stream(number % 3), expected, size);
                    let first = insist(&ledger, commit.clone()).await;
                    assert!(!first.repeated, "{commit:?}");
                    assert_eq!(ledger.append(commit).await.unwrap(), again(first));
                    events += size as u64;
                }
                events
            })
        })
        .collect();
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (ledger, done) = (Arc::clone(&ledgers[0]), Arc::clone(&done));
        async move {
            let mut seen = 0;
            while !done.load(Ordering::SeqCst) {
                let versions = versions(&ledger, &stream(1)).await;
                assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>());
                assert!(versions.len() >= seen, "what was read is gone");
                seen = versions.len();
            }
        }
    });
    let mut events = 0;
    for writer in writers {
        events += writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    reader.await.unwrap();
    assert_eq!(ledgers[0].head().await.unwrap(), Position::from_u64(events));
    check_file(&path);
}

/// Lets the engine fail at a given statement, then checks that appends go on as if nothing had been.
async fn fail_at(statement: &str, events: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = open(&path);
    for id in 0..FILE_EVERY as u128 - 2 {
        ledger.append(commit(id, stream(id), Expected::Empty)).await.unwrap();
    }
    let other = Connection::open(&path).unwrap();
    let trigger = format!("CREATE TRIGGER sabotage {statement} BEGIN SELECT RAISE(ABORT, 'sabotage'); END");
    other.execute_batch(&trigger).unwrap();
    let failed = sized(1000, stream(1000), Expected::Empty, events);
    let error = ledger.append(failed.clone()).await.unwrap_err();
    assert!(error.to_string().contains("sabotage"), "{error}");
    assert!(versions(&ledger, &stream(1000)).await.is_empty());
    other.execute_batch("DROP TRIGGER sabotage").unwrap();
    let appended = ledger.append(failed).await.unwrap();
    let last = (FILE_EVERY - 2 + events) as u64;
    let position = Position::from_u64(last);
    assert_eq!(appended, Appended { version: events as u64, position: Some(position), repeated: false });
    assert_eq!(check_file(&path), if last < FILE_EVERY as u64 { 0 } else { last });
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_remembered_of_an_append_that_was_rolled_back() {
    fail_at("BEFORE INSERT ON events WHEN NEW.seq = 1", 1).await;
    fail_at("BEFORE INSERT ON events WHEN NEW.seq = 2", 3).await;
    fail_at("BEFORE INSERT ON streams", 3).await;
    fail_at("BEFORE UPDATE ON filed", 3).await;
    fail_at("BEFORE UPDATE ON filed", 200).await;
}
