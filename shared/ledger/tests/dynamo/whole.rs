//! What must be true of a log, whatever has happened to those who wrote it.

use std::collections::BTreeMap;

use gitledger_events::Stream;
use gitledger_ledger::contract::sample::{commit_of, event, stream};
use gitledger_ledger::{Commit, Expected, Ledger, Position, Recorded};

/// Commit number `number` of a writer: two events in one of the writer's streams, so that half a commit would
/// show. The same number gives the same commit.
pub fn numbered(writer: u128, number: u128) -> Commit {
    let events = vec![event(format!("{number} a")), event(format!("{number} b"))];
    commit_of((writer << 64) | number, stream(writer * 10 + number % 3), Expected::Any, events)
}

pub async fn everything(ledger: &dyn Ledger) -> Vec<Recorded> {
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

/// Positions and versions have no gap, no event is there twice, and the log has of each stream what the table has, up
/// to somewhere. Returns the number of events.
pub async fn check(ledger: &dyn Ledger) -> usize {
    let all = everything(ledger).await;
    let mut streams: BTreeMap<Stream, Vec<uuid::Uuid>> = BTreeMap::new();
    for (position, one) in (1..).zip(&all) {
        assert_eq!(one.position, Position::from_u64(position), "a gap in the ledger");
        let events = streams.entry(one.record.stream.clone()).or_default();
        events.push(one.record.id);
        assert_eq!(one.record.version, events.len() as u64, "a gap or a repeat in {}", one.record.stream);
    }
    for (stream, logged) in streams {
        let kept: Vec<_> = ledger.read_stream(&stream, 1).await.unwrap().iter().map(|one| one.id).collect();
        assert!(kept.starts_with(&logged), "the log and the table differ in {stream}");
    }
    all.len()
}
