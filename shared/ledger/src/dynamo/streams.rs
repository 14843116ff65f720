//! One stream: append to it, read it.

use std::sync::Mutex;

use gitledger_events::{Record, Stream};

use super::commit_item::CommitItem;
use super::item::{Body, Misshapen};
use super::known::{Known, Told, Verdict};
use super::lines;
use super::store::{Ask, Put, Range, Store};
use crate::written::WrittenCommit;
use crate::{AppendError, Appended, Commit, Expected, LedgerError};

/// After so many lost races in a row on one stream an append gives up.
const RACES_MAX: usize = 200;

/// The table of commits, and what is remembered of it.
#[derive(Debug)]
pub struct Streams {
    store: Store,
    known: Mutex<Known>,
}

impl Streams {
    pub fn new(store: Store) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// One conditional put, when the stream is as it is remembered or empty; else as many requests more as it
    /// takes to know it.
    pub async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        let commit = WrittenCommit::new(commit)?;
        let body = lines::squeeze(&lines::of_events(&commit.events).join("\n"))
            .map_err(|error| LedgerError::at("a commit cannot be squeezed", error))?;
        let name = || format!("commits/{}/{}", commit.stream, commit.id);
        let body = self.store.claim(name, body).await?;
        let told = self.told(&commit).await?;
        let (told, appended) = self.place(&commit, body, told).await;
        self.keep(&commit.stream, told);
        appended
    }

    /// What is known of the stream, read if nothing is. A stream that is expected to be empty is not asked for.
    async fn told(&self, commit: &WrittenCommit) -> Result<Told, LedgerError> {
        if let Some(told) = self.remembered(&commit.stream) {
            return Ok(told);
        }
        match commit.expected {
            Expected::Empty | Expected::Version(0) => Ok(Told::default()),
            // That the version is the end of a commit, and not one in its middle or one that was made up.
            Expected::Version(_) => self.newest(&commit.stream).await,
            Expected::Any => self.continued(&commit.stream, Told::default()).await,
        }
    }

    async fn place(
        &self,
        commit: &WrittenCommit,
        body: Body,
        mut told: Told,
    ) -> (Told, Result<Appended, AppendError>) {
        let mut fresh = false;
        for _ in 0..RACES_MAX {
            match told.judge(commit.id, commit.expected) {
                Verdict::Repeat(version) => return (told, Ok(appended(version, true))),
                Verdict::Conflict(actual) if fresh => return (told, Err(AppendError::Conflict { actual })),
                Verdict::PutAt(first) => match self.put(commit, first, body.clone()).await {
                    Ok(None) => {
                        let version = first + count(commit) - 1;
                        told.push(commit.id, version);
                        return (told, Ok(appended(version, false)));
                    }
                    // Also a retry whose first try was carried out and not heard of.
                    Ok(Some(there)) if there.id == commit.id => {
                        let version = there.last();
                        told.push(commit.id, version);
                        return (told, Ok(appended(version, true)));
                    }
                    Ok(Some(_)) => {}
                    Err(error) => return (told, Err(error.into())),
                },
                Verdict::ReadWhole => told = Told::default(),
                Verdict::Conflict(_) => {}
            }
            told = match self.continued(&commit.stream, told).await {
                Ok(told) => told,
                Err(error) => return (Told::newest(None), Err(error.into())),
            };
            fresh = true;
        }
        let reason = format!("{RACES_MAX} other appends in a row were faster on {}", commit.stream);
        (told, Err(LedgerError::Engine(reason).into()))
    }

    async fn put(
        &self,
        commit: &WrittenCommit,
        first: u64,
        body: Body,
    ) -> Result<Option<CommitItem>, LedgerError> {
        let stream = commit.stream.clone();
        let item = CommitItem { stream, first, count: count(commit), id: commit.id, body }.into_item();
        match self.store.put_new(&self.store.events, item).await? {
            Put::Done => Ok(None),
            Put::Taken(item) => Ok(Some(readable(&item)?)),
        }
    }

    /// What is known of a stream with everything that has come since.
    async fn continued(&self, stream: &Stream, mut told: Told) -> Result<Told, LedgerError> {
        for commit in self.commits(stream, told.end() + 1).await? {
            told.push(commit.id, commit.last());
        }
        Ok(told)
    }

    async fn newest(&self, stream: &Stream) -> Result<Told, LedgerError> {
        let newest = self.last_from(stream, u64::MAX >> 1).await?;
        Ok(Told::newest(newest.map(|commit| (commit.id, commit.last()))))
    }

    /// The commit that begins at this version or is the last one to begin before.
    async fn last_from(&self, stream: &Stream, version: u64) -> Result<Option<CommitItem>, LedgerError> {
        let ask = Ask {
            table: &self.store.events,
            key: stream.as_str(),
            range: Range::DownFrom(version),
            limit: Some(1),
            consistent: true,
            after: None,
        };
        let (items, _) = self.store.page(&ask).await?;
        items.first().map(readable).transpose()
    }

    /// All commits of a stream that begin at this version or later.
    pub async fn commits(&self, stream: &Stream, from: u64) -> Result<Vec<CommitItem>, LedgerError> {
        let ask = Ask {
            table: &self.store.events,
            key: stream.as_str(),
            range: Range::From(from),
            limit: None,
            consistent: true,
            after: None,
        };
        self.store.all(ask).await?.iter().map(readable).collect()
    }

    /// The events of a stream from a version on.
    pub async fn read(&self, stream: &Stream, from: u64) -> Result<Vec<Record>, LedgerError> {
        let begin = match from {
            0 | 1 => 1,
            // It may lie in the middle of a commit.
            from => self.last_from(stream, from).await?.map_or(from, |commit| commit.first),
        };
        let commits = self.commits(stream, begin).await?;
        let mut told = Told::default();
        let mut records = Vec::new();
        for commit in commits {
            told.push(commit.id, commit.last());
            let text = self.store.text(commit.body.clone(), commit.first).await?;
            let unreadable = |reason| LedgerError::Unreadable { position: commit.first, reason };
            records.extend(commit.records(&text).map_err(unreadable)?);
        }
        if begin == 1 {
            self.keep(stream, told);
        }
        records.retain(|record| record.version >= from);
        Ok(records)
    }

    fn remembered(&self, stream: &Stream) -> Option<Told> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(stream)
    }

    fn keep(&self, stream: &Stream, told: Told) {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner).keep(stream, told);
    }
}

fn appended(version: u64, repeated: bool) -> Appended {
    Appended { version, position: None, repeated }
}

fn count(commit: &WrittenCommit) -> u64 {
    u64::try_from(commit.events.len()).unwrap_or(u64::MAX)
}

fn readable(item: &super::item::Item) -> Result<CommitItem, LedgerError> {
    let unreadable = |error: Misshapen| LedgerError::Unreadable { position: 0, reason: error.to_string() };
    CommitItem::from_item(item).map_err(unreadable)
}
