//! Segments are a cache: with them, without them and with broken ones, a replay says the same.

use std::path::Path;

use gitledger_events::sandbox::{KillReason, SandboxCreated, SandboxKilled};
use gitledger_events::{Actor, Elapsed, NewEvent, Stream};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_ledger::{Commit, Expected, Ledger};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Replayed, SEGMENT_EVENTS, Until, digest, replay};

/// A ledger of so many sandboxes, each made and killed.
async fn ledger(path: &Path, sandboxes: usize, first: u128) {
    let ledger = SqliteLedger::open(path, Durability::Relaxed).unwrap();
    for number in 0..sandboxes {
        let at = |second: i64| Timestamp::from_second(1_773_100_800 + second).unwrap();
        let start = i64::try_from(number).unwrap();
        let created = SandboxCreated {
            request_id: Uuid::nil(),
            template: "base".to_owned(),
            vcpu: 2,
            memory_mb: 512,
            creation_ms: Elapsed::from_millis(300),
            expires_at: at(start + 3600),
        };
        let event = |ordinal: u128, second, fact| NewEvent {
            id: Uuid::from_u128(first + u128::try_from(number).unwrap() * 2 + ordinal),
            recorded_at: at(second),
            operation: None,
            actor: Actor::new(format!("a{}", number % 9), "t"),
            repo: None,
            correlation_id: Uuid::nil(),
            causation_id: None,
            fact,
        };
        let killed = SandboxKilled { reason: KillReason::Idle };
        let commit = Commit {
            id: Uuid::from_u128(number as u128 + 1),
            stream: Stream::sandbox(&format!("s{number}")).unwrap(),
            expected: Expected::Empty,
            events: vec![event(0, start, created.into()), event(1, start + 60, killed.into())],
        };
        ledger.append(commit).await.unwrap();
    }
}

fn said(replayed: &Replayed) -> String {
    digest(&replayed.figures()).unwrap()
}

fn segments(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_replay_says_the_same_with_segments_without_them_and_with_broken_ones() {
    let dir = tempfile::tempdir().unwrap();
    let (path, cache) = (dir.path().join("ledger.db"), dir.path().join("segments"));
    let sandboxes = SEGMENT_EVENTS + 500;
    ledger(&path, sandboxes, 1 << 64).await;
    let run = |until| replay(&path, Some(&cache), until, &mut |_| {}).unwrap();
    let plain = replay(&path, None, Until::End, &mut |_| {}).unwrap();
    let want = said(&plain);
    let events = sandboxes as u64 * 2;
    assert_eq!((plain.account.events, plain.from_ledger), (events, events));

    let first = run(Until::End);
    assert_eq!((said(&first), first.from_segments), (want.clone(), 0));
    assert_eq!(segments(&cache).len(), 2);
    let second = run(Until::End);
    assert_eq!(
        (said(&second), second.from_segments, second.from_ledger),
        (want.clone(), 2 * SEGMENT_EVENTS as u64, 1000)
    );

    // Another version in the first, a flipped bit in the second, one gone, and one of another ledger.
    for (place, byte) in [(0, 7), (1, 5000)] {
        let file = &segments(&cache)[place];
        let mut bytes = std::fs::read(file).unwrap();
        bytes[byte] ^= 1;
        std::fs::write(file, bytes).unwrap();
        let healed = run(Until::End);
        assert_eq!((said(&healed), healed.from_segments), (want.clone(), (place * SEGMENT_EVENTS) as u64));
        assert_eq!(run(Until::End).from_segments, 2 * SEGMENT_EVENTS as u64);
    }
    std::fs::remove_file(&segments(&cache)[0]).unwrap();
    assert_eq!(said(&run(Until::End)), want);
    let other = dir.path().join("other.db");
    ledger(&other, sandboxes, 1 << 80).await;
    let foreign = replay(&other, Some(&cache), Until::End, &mut |_| {}).unwrap();
    assert_eq!(foreign.from_segments, 0, "the segments are another ledger's");
}

#[tokio::test]
async fn the_past_is_the_same_from_segments_and_from_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let (path, cache) = (dir.path().join("ledger.db"), dir.path().join("segments"));
    ledger(&path, SEGMENT_EVENTS / 2 + 50, 1 << 64).await;
    replay(&path, Some(&cache), Until::End, &mut |_| {}).unwrap();
    let instant = Until::Instant(Timestamp::from_second(1_773_100_800 + 900).unwrap());
    for until in
        [Until::Position(0), Until::Position(777), Until::Position(SEGMENT_EVENTS as u64 + 9), instant]
    {
        let cached = replay(&path, Some(&cache), until, &mut |_| {}).unwrap();
        let plain = replay(&path, None, until, &mut |_| {}).unwrap();
        assert_eq!(said(&cached), said(&plain), "{until:?}");
        assert!(cached.account.events < SEGMENT_EVENTS as u64 + 100);
    }
}
