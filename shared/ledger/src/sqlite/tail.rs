//! The tail: the newest events, which are not yet filed by stream, as each writing process knows them.
//!
//! An append writes one page, the end of `events`. Filing each event by stream at once would write a second
//! one, somewhere in the middle of the file, and a page more is a third of a flush. So events are filed
//! [`FILE_EVERY`] at a time, in the transaction of the append that makes them so many. Until then the
//! streams' ends are known from memory.
//!
//! Memory may be behind the file, when another process has appended: nothing is decided from it but by
//! [`Tail::catch_up`] in the same transaction, or by an insert at the position after the last known one,
//! which fails if anybody has been there. Memory is never ahead: what a failed transaction has left in it
//! is forgotten, and to forget is to know of an empty ledger, which is behind.

use std::collections::HashMap;

use rusqlite::Connection;
use uuid::Uuid;

use super::schema::EARLY_VERSIONS;
use crate::{Appended, LedgerError, Position};

/// So many events are filed at once. More make an append cheaper (less than one in a hundred files, and the
/// pages it writes are shared by more) and the reading of a stream dearer, which goes through the tail.
pub const FILE_EVERY: u64 = 128;

const ENDS: &str = "SELECT (SELECT pos FROM filed), (SELECT ifnull(max(pos), 0) FROM events)";
const NEWER: &str = "SELECT pos, commit_id, stream, seq FROM events WHERE pos > ?1 ORDER BY pos";
// In the order of the key, so that neighbours are written together. `OR ROLLBACK`, because the engine copies
// each page before it changes it when it must be able to take back a statement alone; here a failure is the
// transaction's in any case.
const FILE: &str = "INSERT OR ROLLBACK INTO streams (stream, seq, positions)
  SELECT stream, min(seq), json_group_array(pos ORDER BY pos)
  FROM events WHERE pos > (SELECT pos FROM filed) GROUP BY stream ORDER BY stream";
const FILE_LATE: &str = "INSERT OR ROLLBACK INTO late_commits (stream, commit_id, seq, pos)
  SELECT stream, commit_id, seq, pos FROM events WHERE pos > (SELECT pos FROM filed) AND seq > ?1";
const FILED: &str = "UPDATE filed SET pos = ?1";

/// What is known of the newest events. The default knows of none.
#[derive(Debug, Default)]
pub struct Tail {
    /// Events up to this position are filed, and not in here.
    filed: u64,
    /// The newest known position.
    head: u64,
    streams: HashMap<Box<str>, Known>,
}

/// The commits of one stream in the tail.
#[derive(Debug)]
pub struct Known {
    /// The stream's version when the last filing was done.
    filed_version: u64,
    /// Never empty.
    commits: Vec<Kept>,
}

/// A commit that is in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: Uuid,
    /// The stream's version after it.
    pub version: u64,
    /// The position of its last event.
    pub position: u64,
}

impl Kept {
    /// What an append of it gives.
    pub fn appended(self, repeated: bool) -> Appended {
        Appended { version: self.version, position: Some(Position::from_u64(self.position)), repeated }
    }
}

impl Known {
    /// The newest commit.
    pub fn newest(&self) -> Option<Kept> {
        self.commits.last().copied()
    }

    /// The commit with this id.
    pub fn find(&self, id: Uuid) -> Option<Kept> {
        self.commits.iter().rev().find(|commit| commit.id == id).copied()
    }

    /// Nothing of the stream is filed: what is not in here is not in the ledger.
    pub fn is_whole(&self) -> bool {
        self.filed_version == 0
    }
}

impl Tail {
    /// The newest known position.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// Up to where events are filed, and the newest known position: as long as both stay, all stays.
    pub fn ends(&self) -> (u64, u64) {
        (self.filed, self.head)
    }

    /// What is known of a stream; `None` when it has no event in the tail.
    pub fn of(&self, stream: &str) -> Option<&Known> {
        self.streams.get(stream)
    }

    /// So many events more are to be filed with all others.
    pub fn is_full_with(&self, more: u64) -> bool {
        self.head - self.filed + more >= FILE_EVERY
    }

    /// Takes note of a commit, or of a commit's next event.
    pub fn note(&mut self, stream: &str, events: u64, kept: Kept) {
        self.head = kept.position;
        match self.streams.get_mut(stream) {
            None => {
                let known = Known { filed_version: kept.version.saturating_sub(events), commits: vec![kept] };
                self.streams.insert(stream.into(), known);
            }
            Some(known) => match known.commits.last_mut() {
                Some(newest) if newest.id == kept.id => *newest = kept,
                _ => known.commits.push(kept),
            },
        }
    }

    /// Reads what has been appended by others. To be called inside a writing transaction: then it is so
    /// until its end.
    pub fn catch_up(&mut self, connection: &Connection) -> Result<(), LedgerError> {
        let ends = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let (filed, head) = connection.prepare_cached(ENDS)?.query_row([], ends)?;
        if filed.cast_unsigned() != self.filed || head.cast_unsigned() < self.head {
            self.forget();
            (self.filed, self.head) = (filed.cast_unsigned(), filed.cast_unsigned());
        }
        if head.cast_unsigned() != self.head {
            self.read_newer(connection)?;
        }
        Ok(())
    }

    fn read_newer(&mut self, connection: &Connection) -> Result<(), LedgerError> {
        let mut statement = connection.prepare_cached(NEWER)?;
        let mut rows = statement.query([self.head.cast_signed()])?;
        while let Some(row) = rows.next()? {
            let kept = Kept {
                id: Uuid::from_bytes(row.get(1)?),
                version: row.get::<_, i64>(3)?.cast_unsigned(),
                position: row.get::<_, i64>(0)?.cast_unsigned(),
            };
            let stream = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
            self.note(stream, 1, kept);
        }
        Ok(())
    }

    /// Files the whole tail, inside the transaction that has caught up.
    pub fn file(&mut self, connection: &Connection) -> Result<(), LedgerError> {
        connection.prepare_cached(FILE)?.execute([])?;
        if self.streams.values().any(|known| known.newest().is_some_and(|last| last.version > EARLY_VERSIONS))
        {
            connection.prepare_cached(FILE_LATE)?.execute([EARLY_VERSIONS.cast_signed()])?;
        }
        connection.prepare_cached(FILED)?.execute([self.head.cast_signed()])?;
        self.filed = self.head;
        self.streams.clear();
        Ok(())
    }

    /// Knows nothing any more.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}
