//! Repair: what the table's stream has lost gets its place in the log all the same.
//!
//! Compares every commit in the table with how far its stream has got in the log. To be run after the
//! sequencer has stood still for longer than the table's stream keeps (24 hours), and every now and then.

use std::collections::{BTreeMap, HashMap};

use gitledger_events::Stream;

use super::failure::ledger_error;
use super::item::{AT, COUNT, Item, KEY, Misshapen, get_number, get_text};
use super::marks::Mark;
use super::sequencer::Sequencer;
use super::store::Store;
use super::streams::Streams;
use crate::{LedgerError, Position};

/// So many commits are sequenced at once.
const BATCH: usize = 500;

/// What a repair has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Commits in the table.
    pub commits: u64,
    /// Streams of which the log lacked something.
    pub streams: u64,
    /// Events that have their place now.
    pub events: u64,
    /// Streams that cannot be taken, and why.
    pub failed: Vec<String>,
    /// The position of the newest event.
    pub head: Position,
}

pub async fn repair(store: &Store) -> Result<Repaired, LedgerError> {
    let mut report = Repaired::default();
    let ends = ends(store, &mut report.commits).await?;
    // After the scan, so that what was sequenced meanwhile is not taken for lost.
    let mut sequencer = Sequencer::new(store.clone(), true);
    let mut books = sequencer.opened().await?;
    let mut behind = Vec::new();
    for (stream, end) in &ends {
        let version = books.version(Mark::of(stream), 1).await?;
        if version < *end {
            behind.push((stream, version));
        }
    }
    report.head = Position::from_u64(books.head);
    sequencer.keep(books);
    report.streams = u64::try_from(behind.len()).unwrap_or(u64::MAX);
    let streams = Streams::new(store.clone());
    let mut batch = Vec::new();
    for (number, (stream, version)) in behind.iter().enumerate() {
        batch.extend(streams.commits(stream, version + 1).await?);
        if batch.len() >= BATCH || number + 1 == behind.len() {
            let done = sequencer.sequence(&std::mem::take(&mut batch)).await?;
            report.events += done.events;
            report.failed.extend(done.failed.into_iter().map(|(_, reason)| reason));
            report.head = done.head;
        }
    }
    Ok(report)
}

/// The version at which each stream ends in the table. In order, so that a repair does the same each time.
async fn ends(store: &Store, commits: &mut u64) -> Result<BTreeMap<Stream, u64>, LedgerError> {
    let mut ends = BTreeMap::new();
    let mut after: Option<Item> = None;
    loop {
        let got = store.patience.ask(|| {
            store
                .client
                .scan()
                .table_name(&store.events)
                .projection_expression("#k, #at, #n")
                .set_expression_attribute_names(Some(names()))
                .set_exclusive_start_key(after.clone())
                .send()
        });
        let page = got.await.map_err(|error| ledger_error("scan", &error))?;
        for item in page.items.unwrap_or_default() {
            let (stream, last) = end(&item).map_err(|error| LedgerError::at("a commit", error))?;
            let known = ends.entry(stream).or_insert(0);
            *known = last.max(*known);
            *commits += 1;
        }
        after = page.last_evaluated_key;
        if after.is_none() {
            return Ok(ends);
        }
    }
}

fn names() -> HashMap<String, String> {
    [("#k", KEY), ("#at", AT), ("#n", COUNT)].map(|(name, is)| (name.to_owned(), is.to_owned())).into()
}

fn end(item: &Item) -> Result<(Stream, u64), Misshapen> {
    let stream = get_text(item, KEY)?.parse().map_err(|_| Misshapen(KEY))?;
    Ok((stream, (get_number(item, AT)? + get_number(item, COUNT)?).saturating_sub(1)))
}
