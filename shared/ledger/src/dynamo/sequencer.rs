//! The sequencer: gives each commit its place in the whole ledger, once.
//!
//! A table's stream tells of each commit at least once and keeps the order of one item only. So a commit is
//! taken when it is the next of its stream; one that was written is dropped; before one that comes too early
//! the missing ones are read from the table, which also finds what the stream has lost. The log has one next
//! key: of several sequencers one writes it, the others see what it wrote and look at their commits again.

use std::collections::HashMap;

use super::books::Books;
use super::commit_item::CommitItem;
use super::lines;
use super::marks::Mark;
use super::segment::{Part, Segment, cut};
use super::store::{Put, Store};
use super::streams::Streams;
use crate::{LedgerError, Position};

/// After so many lost races in a row a batch is given back.
const RACES_MAX: usize = 100;

/// Writes the log. Keeps in memory what it knows of it, and finds it again after a start.
#[derive(Debug)]
pub struct Sequencer {
    store: Store,
    streams: Streams,
    books: Option<Books>,
    /// Know every stream from the first event on.
    whole: bool,
}

/// What came of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequenced {
    /// Events that have their place now.
    pub events: u64,
    /// Commits of the batch that had it already.
    pub known: u64,
    /// Commits that were missing before one of the batch.
    pub repaired: u64,
    /// Segments that were written.
    pub segments: u64,
    /// Places in the batch that could not be taken, and why. The rest was.
    pub failed: Vec<(usize, String)>,
    /// The position of the newest event.
    pub head: Position,
}

/// What is to be written, by what is known now.
#[derive(Default)]
struct Plan {
    parts: Vec<Part>,
    known: u64,
    repaired: u64,
    failed: Vec<(usize, String)>,
}

impl Sequencer {
    pub(super) fn new(store: Store, whole: bool) -> Self {
        Self { streams: Streams::new(store.clone()), store, books: None, whole }
    }

    /// Gives the commits of a batch their places. A batch may be given again, whole or in part, in any order and to
    /// several sequencers at once. An error means that some may have their places and all should come again.
    pub async fn sequence(&mut self, batch: &[CommitItem]) -> Result<Sequenced, LedgerError> {
        let mut books = self.opened().await?;
        let sequenced = self.write(&mut books, batch).await;
        // After an error it is not known what was written.
        if sequenced.is_ok() && !books.is_worn() {
            self.books = Some(books);
        }
        sequenced
    }

    /// How far the whole of each stream has got; reads what is not known yet.
    pub(super) async fn opened(&mut self) -> Result<Books, LedgerError> {
        match self.books.take() {
            Some(books) => Ok(books),
            None if self.whole => Books::open_whole(self.store.clone()).await,
            None => Books::open(self.store.clone()).await,
        }
    }

    pub(super) fn keep(&mut self, books: Books) {
        self.books = Some(books);
    }

    async fn write(&self, books: &mut Books, batch: &[CommitItem]) -> Result<Sequenced, LedgerError> {
        let mut done = Sequenced::default();
        for _ in 0..RACES_MAX {
            let plan = self.plan(books, batch).await?;
            let raced = self.write_all(books, plan.parts, &mut done).await?;
            done.head = Position::from_u64(books.head);
            if !raced {
                // What was written before a lost race counts as known in the plan after it.
                return Ok(Sequenced {
                    known: plan.known,
                    repaired: plan.repaired,
                    failed: plan.failed,
                    ..done
                });
            }
        }
        Err(LedgerError::Engine(format!("{RACES_MAX} other sequencers in a row were faster")))
    }

    /// Writes parts as segments. True when another has written in between: then the rest is not written.
    async fn write_all(
        &self,
        books: &mut Books,
        parts: Vec<Part>,
        done: &mut Sequenced,
    ) -> Result<bool, LedgerError> {
        for segment in cut(books.head + 1, parts) {
            let body = squeezed(&segment)?;
            let name = || format!("segments/{}-{}", segment.first, uuid::Uuid::now_v7());
            let body = self.store.claim(name, body).await?;
            match self.store.put_new(&self.store.log, segment.item(body)).await? {
                Put::Done => {
                    books.take(&segment).await?;
                    done.segments += 1;
                    done.events += segment.count();
                }
                // Another's; or ours, if only its answer was lost: then its commits are known ones next time.
                Put::Taken(_) => {
                    books.catch_up().await?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    async fn plan(&self, books: &mut Books, batch: &[CommitItem]) -> Result<Plan, LedgerError> {
        let mut plan = Plan::default();
        let mut versions: HashMap<Mark, u64> = HashMap::new();
        for (place, commit) in batch.iter().enumerate() {
            let mark = Mark::of(&commit.stream);
            let mut version = match versions.get(&mark) {
                Some(version) => *version,
                None => books.version(mark, commit.first).await?,
            };
            if commit.last() <= version {
                plan.known += 1;
                continue;
            }
            let taken = self.take(&mut plan, commit, &mut version).await;
            versions.insert(mark, version);
            match taken {
                Ok(()) => {}
                // Only what is wrong with this stream; the ledger's own trouble ends the batch.
                Err(LedgerError::Unreadable { position, reason }) => {
                    plan.failed.push((place, format!("{} at {position}: {reason}", commit.stream)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(plan)
    }

    /// Adds a commit, after those of its stream that are missing before it.
    async fn take(&self, plan: &mut Plan, commit: &CommitItem, version: &mut u64) -> Result<(), LedgerError> {
        if commit.first > *version + 1 {
            for missing in self.streams.commits(&commit.stream, *version + 1).await? {
                if missing.first >= commit.first {
                    break;
                }
                plan.parts.push(self.next(&missing, *version).await?);
                *version = missing.last();
                plan.repaired += 1;
            }
        }
        plan.parts.push(self.next(commit, *version).await?);
        *version = commit.last();
        Ok(())
    }

    /// The commit as a part of the log, if it is the next of its stream and all there.
    async fn next(&self, commit: &CommitItem, version: u64) -> Result<Part, LedgerError> {
        let unreadable = |reason: String| LedgerError::Unreadable { position: commit.first, reason };
        if commit.first != version + 1 {
            return Err(unreadable(format!("the stream has nothing between this and {version}")));
        }
        let body = self.store.redeem(commit.body.clone()).await?;
        let text = lines::unfold(&body).map_err(unreadable)?;
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let part = Part { stream: commit.stream.clone(), first: commit.first, lines };
        if part.count() == commit.count { Ok(part) } else { Err(unreadable("events are missing".to_owned())) }
    }
}

fn squeezed(segment: &Segment) -> Result<Vec<u8>, LedgerError> {
    lines::squeeze(&segment.text()).map_err(|error| LedgerError::at("a segment cannot be squeezed", error))
}
