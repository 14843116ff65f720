//! What the sequencer knows of the log: where it ends, and how far each stream has got in it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::log::segment;
use super::marks::{Digest, Mark, Marks, Undigested};
use super::segment::{LOG, Segment};
use super::store::{Ask, LogKey, Range, Store};
use crate::LedgerError;

/// Digests that are younger are kept in memory: a table's stream gives nothing that is older than 24 hours.
const LATELY_S: u64 = 26 * 3600;
/// More marks are not kept in memory, or a quarter more than had to be read; then they are read again, the latest only.
const MARKS_MAX: usize = 4_000_000;

/// Read at the start, kept up with each segment, whoever wrote it.
#[derive(Debug)]
pub struct Books {
    store: Store,
    /// The position of the last event.
    pub head: u64,
    marks: Marks,
    /// From this position on, `marks` has all streams.
    covers_from: u64,
    undigested: Undigested,
    stale: bool,
    /// How many marks were read.
    read: usize,
}

impl Books {
    /// Reads the digests of the last day and all that comes after them.
    pub async fn open(store: Store) -> Result<Self, LedgerError> {
        Self::open_from(store, now_s().saturating_sub(LATELY_S)).await
    }

    /// Reads all digests and what comes after them: then every stream is known.
    pub async fn open_whole(store: Store) -> Result<Self, LedgerError> {
        Self::open_from(store, 0).await
    }

    async fn open_from(store: Store, since_s: u64) -> Result<Self, LedgerError> {
        let mut books = Self {
            store,
            head: 0,
            marks: Marks::new(),
            covers_from: 1,
            undigested: Undigested::after(0),
            stale: false,
            read: 0,
        };
        let mut before = u64::MAX >> 1;
        let mut newest = true;
        while let Some(digest) = books.digest_from(before).await? {
            if std::mem::take(&mut newest) {
                books.head = digest.to;
                books.undigested = Undigested::after(digest.to);
            }
            books.covers_from = digest.from;
            for (mark, version) in digest.marks {
                // Later digests were read first.
                books.marks.entry(mark).or_insert(version);
            }
            if digest.from <= 1 || digest.written_at_s < since_s {
                break;
            }
            before = digest.from - 1;
        }
        books.catch_up().await?;
        books.read = books.marks.len();
        Ok(books)
    }

    /// The digest that begins here or is the last one to begin before.
    async fn digest_from(&self, from: u64) -> Result<Option<Digest>, LedgerError> {
        let ask = Ask {
            table: &self.store.log,
            key: LogKey::DIGEST,
            range: Range::DownFrom(from),
            limit: Some(1),
            consistent: true,
            after: None,
        };
        let (items, _) = self.store.page(&ask).await?;
        let digest = items.first().map(Digest::from_item).transpose();
        digest.map_err(|error| LedgerError::at("a digest", error))
    }

    /// Takes in what others have written since.
    pub async fn catch_up(&mut self) -> Result<(), LedgerError> {
        loop {
            let ask = Ask {
                table: &self.store.log,
                key: LOG,
                range: Range::From(self.head + 1),
                limit: None,
                consistent: true,
                after: None,
            };
            // The next page is asked for by the new head.
            let (items, next) = self.store.page(&ask).await?;
            for item in items {
                let segment = segment(&self.store, item).await?;
                if segment.first != self.head + 1 {
                    let reason = format!("the log has {} after {}", segment.first, self.head);
                    return Err(LedgerError::Engine(reason));
                }
                self.take(&segment).await?;
            }
            if next.is_none() {
                return Ok(());
            }
        }
    }

    /// Takes a segment in that is written. Writes a digest when it is time; one that is there already is as good.
    pub async fn take(&mut self, segment: &Segment) -> Result<(), LedgerError> {
        for part in &segment.parts {
            self.marks.insert(Mark::of(&part.stream), part.last());
        }
        self.head = segment.last();
        if let Some(digest) = self.undigested.take(segment, now_s()) {
            self.store.put_new(&self.store.log, digest.item()).await?;
            // Another may have digested a longer or shorter stretch; then all is read again from where that ends.
            let there = self.digest_from(digest.from).await?;
            self.stale = there.is_none_or(|there| (there.from, there.to) != (digest.from, digest.to));
        }
        Ok(())
    }

    /// How far a stream has got. `first` is the version at which a commit of it is about to be taken.
    pub async fn version(&mut self, mark: Mark, first: u64) -> Result<u64, LedgerError> {
        if let Some(version) = self.marks.get(&mark) {
            return Ok(*version);
        }
        // A first commit that was written longer ago than a table's stream reaches back does not come again.
        if first == 1 || self.covers_from <= 1 {
            return Ok(0);
        }
        let version = self.older(mark).await?;
        self.marks.insert(mark, version);
        Ok(version)
    }

    /// Looks for a stream in all older digests: one that slept for days.
    async fn older(&self, mark: Mark) -> Result<u64, LedgerError> {
        let mut before = self.covers_from - 1;
        while let Some(digest) = self.digest_from(before).await? {
            if let Some(version) = digest.marks.get(&mark) {
                return Ok(*version);
            }
            if digest.from <= 1 {
                break;
            }
            before = digest.from - 1;
        }
        Ok(0)
    }

    /// Whether it is time to read all again. Not because so much is read each time: then it would be read for each batch.
    pub fn is_worn(&self) -> bool {
        self.stale || self.marks.len() > MARKS_MAX.max(self.read.saturating_add(self.read / 4))
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
