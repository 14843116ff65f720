//! The whole ledger in order: reading the log's segments, and waiting for the next one.
//!
//! Reads are eventually consistent, at half the price, as long as they give something: a segment only exists
//! after the one before it, and what does not continue what was read before is not taken. Where such a read
//! gives nothing, a consistent one tells whether that is the end.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::item::{Body, Item, Misshapen};
use super::segment::{LOG, Segment, place};
use super::store::{Ask, Range, Store};
use crate::{LedgerError, Position, Recorded};

/// The first pause between two looks for something new, and the longest.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// So many ends of segments are remembered.
const ENDS_MAX: usize = 16;

/// A reader of the log. Many may read through one; each page that follows the one before costs no request
/// until a whole page of DynamoDB's is used up.
#[derive(Debug)]
pub struct Log {
    store: Store,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Read and not given out yet.
    rest: VecDeque<Recorded>,
    /// Positions at which a segment ends.
    ends: VecDeque<u64>,
}

impl Kept {
    fn end(&mut self, end: u64) {
        if !self.ends.contains(&end) {
            if self.ends.len() == ENDS_MAX {
                self.ends.pop_front();
            }
            self.ends.push_back(end);
        }
    }

    /// Up to `limit` kept events, if they are the ones after `after`.
    fn take(&mut self, after: u64, limit: usize) -> Vec<Recorded> {
        match self.rest.front() {
            Some(next) if next.position.as_u64() == after + 1 => {
                self.rest.drain(..limit.min(self.rest.len())).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Log {
    pub fn new(store: Store) -> Self {
        Self { store, kept: Mutex::default() }
    }

    pub async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, LedgerError> {
        let after = after.as_u64();
        if limit == 0 {
            return Ok(Vec::new());
        }
        let kept = self.kept().take(after, limit);
        if !kept.is_empty() {
            return Ok(kept);
        }
        let mut events = self.fetch(after).await?;
        let rest = events.split_off(limit.min(events.len()));
        if !rest.is_empty() {
            self.kept().rest = rest.into();
        }
        Ok(events)
    }

    /// The position of the newest event.
    pub async fn head(&self) -> Result<Position, LedgerError> {
        // Reading is paid by what is read, and the last segment may be large: it is read once.
        let known = self.kept().ends.iter().max().copied();
        let last = match known {
            Some(known) => self.store.all(self.ask(Range::From(known + 1), None, true)).await?.pop(),
            None => self.store.page(&self.ask(Range::DownFrom(u64::MAX >> 1), Some(1), true)).await?.0.pop(),
        };
        let head = match last {
            Some(item) => end(&item)?,
            None => known.unwrap_or(0),
        };
        self.kept().end(head);
        Ok(Position::from_u64(head))
    }

    /// Looks until there is something after a position, ever less often.
    pub async fn wait(&self, after: Position, at_most: Duration) -> Result<bool, LedgerError> {
        let began = Instant::now();
        let mut pause = LOOK_AGAIN.0;
        loop {
            let next = self.read(after, 1).await?;
            if let Some(next) = next.into_iter().next() {
                self.give_back(next);
                return Ok(true);
            }
            let left = at_most.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(false);
            }
            tokio::time::sleep(pause.min(left)).await;
            pause = pause.mul_f64(1.5).min(LOOK_AGAIN.1);
        }
    }

    /// What a wait has seen is not read again.
    fn give_back(&self, event: Recorded) {
        let mut kept = self.kept();
        match kept.rest.front() {
            Some(next) if next.position.as_u64() != event.position.as_u64() + 1 => {}
            _ => kept.rest.push_front(event),
        }
    }

    /// The events after a position, as many as one page holds; none only at the end.
    async fn fetch(&self, after: u64) -> Result<Vec<Recorded>, LedgerError> {
        let items = self.store.page(&self.ask(Range::From(after + 1), None, false)).await?.0;
        let events = self.chain(after, items).await?;
        if !events.is_empty() {
            return Ok(events);
        }
        if after != 0 && !self.kept().ends.contains(&after) {
            let containing = self.store.page(&self.ask(Range::DownFrom(after), Some(1), true)).await?.0.pop();
            if let Some(item) = containing {
                let segment_end = end(&item)?;
                self.kept().end(segment_end);
                if segment_end > after {
                    return self.events(item, after).await;
                }
            }
        }
        let items = self.store.page(&self.ask(Range::From(after + 1), None, true)).await?.0;
        self.chain(after, items).await
    }

    /// The events of a segment after a position. One whose text is lost is told as the next event's fault: whoever
    /// passes over it gets on.
    async fn events(&self, item: Item, after: u64) -> Result<Vec<Recorded>, LedgerError> {
        match segment(&self.store, item).await {
            Ok(segment) => segment.events_after(after),
            Err(LedgerError::Unreadable { reason, .. }) => {
                Err(LedgerError::Unreadable { position: after + 1, reason })
            }
            Err(error) => Err(error),
        }
    }

    /// The events of those segments that continue a position without a gap, up to one that cannot be read.
    async fn chain(&self, after: u64, items: Vec<Item>) -> Result<Vec<Recorded>, LedgerError> {
        let mut events = Vec::new();
        let mut next = after + 1;
        for item in items {
            let (first, count) = place(&item).map_err(misshapen)?;
            if first != next {
                break;
            }
            match self.events(item, next - 1).await {
                Ok(more) => events.extend(more),
                Err(LedgerError::Unreadable { .. }) if !events.is_empty() => break,
                Err(error) => return Err(error),
            }
            next = first + count;
            self.kept().end(next - 1);
            if events.last().is_none_or(|last| last.position.as_u64() + 1 < next) {
                break;
            }
        }
        Ok(events)
    }

    fn ask(&self, range: Range, limit: Option<i32>, consistent: bool) -> Ask<'_> {
        Ask { table: &self.store.log, key: LOG, range, limit, consistent, after: None }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The segment in an item.
pub async fn segment(store: &Store, item: Item) -> Result<Segment, LedgerError> {
    let (first, count) = place(&item).map_err(misshapen)?;
    let text = store.text(Body::take_from(&item).map_err(misshapen)?, first).await?;
    Segment::parse(first, count, &text)
}

/// The position of the last event in a segment's item.
pub fn end(item: &Item) -> Result<u64, LedgerError> {
    let (first, count) = place(item).map_err(misshapen)?;
    Ok((first + count).saturating_sub(1))
}

pub fn misshapen(error: Misshapen) -> LedgerError {
    LedgerError::at("a segment", error)
}
