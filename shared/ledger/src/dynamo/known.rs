//! What a process remembers of streams: where their commits end, and the commits' ids.
//!
//! Only a hint about the end: a put at a version that is taken fails. Of what is remembered nothing changes,
//! because nothing in a stream ever does.

use std::collections::{HashMap, VecDeque};

use gitledger_events::Stream;
use uuid::Uuid;

use crate::Expected;

/// So many streams are remembered. An operation's function works on two.
const STREAMS_MAX: usize = 256;
/// Streams with more commits are not remembered.
const COMMITS_MAX: usize = 4096;

/// The commits of one stream, in order: id, and version of the last event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    commits: Vec<(Uuid, u64)>,
    /// Only the newest commit is there.
    partial: bool,
}

/// What to do with a commit, by what is known of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is there; the version of its last event.
    Repeat(u64),
    /// It belongs at this version, if that is still free.
    PutAt(u64),
    /// The stream must be known whole first.
    ReadWhole,
    /// The stream is at this version instead of the expected one.
    Conflict(u64),
}

impl Told {
    /// Of a stream's newest commit only.
    pub fn newest(commit: Option<(Uuid, u64)>) -> Self {
        Self { partial: commit.is_some(), commits: commit.into_iter().collect() }
    }

    /// Takes note of the next commit.
    pub fn push(&mut self, id: Uuid, last: u64) {
        self.commits.push((id, last));
    }

    /// The stream's version.
    pub fn end(&self) -> u64 {
        self.commits.last().map_or(0, |(_, last)| *last)
    }

    fn find(&self, id: Uuid) -> Option<u64> {
        self.commits.iter().rev().find(|(known, _)| *known == id).map(|(_, last)| *last)
    }

    /// What this says about a commit.
    pub fn judge(&self, id: Uuid, expected: Expected) -> Verdict {
        if let Some(last) = self.find(id) {
            return Verdict::Repeat(last);
        }
        // A version that is as expected was not yet known to whoever made this commit the first time, and the
        // newest commit is another: so it is not a repeat.
        let fits = match expected {
            Expected::Empty => self.end() == 0,
            Expected::Version(version) => version == self.end(),
            Expected::Any => !self.partial,
        };
        match (fits, self.partial) {
            (true, _) => Verdict::PutAt(self.end() + 1),
            (false, true) => Verdict::ReadWhole,
            (false, false) => Verdict::Conflict(self.end()),
        }
    }
}

/// The streams that are remembered whole.
#[derive(Debug, Default)]
pub struct Known {
    streams: HashMap<Stream, Told>,
    order: VecDeque<Stream>,
}

impl Known {
    /// What is remembered of a stream.
    pub fn get(&self, stream: &Stream) -> Option<Told> {
        self.streams.get(stream).cloned()
    }

    /// Remembers a stream, unless more is remembered of it already.
    pub fn keep(&mut self, stream: &Stream, told: Told) {
        if told.partial || told.commits.len() > COMMITS_MAX {
            return;
        }
        match self.streams.get_mut(stream) {
            Some(known) if known.commits.len() >= told.commits.len() => {}
            Some(known) => *known = told,
            None => {
                if self.order.len() == STREAMS_MAX
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.streams.remove(&oldest);
                }
                self.order.push_back(stream.clone());
                self.streams.insert(stream.clone(), told);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Known, STREAMS_MAX, Told, Verdict};
    use crate::Expected::{Any, Empty, Version};
    use crate::contract::sample::stream;

    const ID: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    #[test]
    fn a_commit_is_judged_by_what_is_known() {
        let nothing = Told::default();
        let whole = Told { commits: vec![(ID, 2), (OTHER, 3)], partial: false };
        let newest = Told::newest(Some((OTHER, 3)));
        let new = Uuid::from_u128(3);
        for (told, id, expected, verdict) in [
            (&nothing, new, Empty, Verdict::PutAt(1)),
            (&nothing, new, Version(1), Verdict::Conflict(0)),
            (&whole, ID, Empty, Verdict::Repeat(2)),
            (&whole, new, Any, Verdict::PutAt(4)),
            (&whole, new, Version(3), Verdict::PutAt(4)),
            (&whole, new, Version(2), Verdict::Conflict(3)),
            (&whole, new, Version(1), Verdict::Conflict(3)),
            (&newest, OTHER, Version(9), Verdict::Repeat(3)),
            (&newest, new, Version(3), Verdict::PutAt(4)),
            (&newest, ID, Version(1), Verdict::ReadWhole),
            (&newest, ID, Any, Verdict::ReadWhole),
        ] {
            assert_eq!(told.judge(id, expected), verdict, "{told:?} {id} {expected:?}");
        }
    }

    #[test]
    fn no_more_streams_are_remembered_than_there_is_room_for() {
        let mut known = Known::default();
        for number in 0..=STREAMS_MAX as u128 {
            known.keep(&stream(number), Told::default());
        }
        assert_eq!(known.get(&stream(0)), None);
        assert!(known.get(&stream(1)).is_some());
        assert_eq!(known.streams.len(), STREAMS_MAX);
    }
}
