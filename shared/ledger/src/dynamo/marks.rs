//! How far each stream has got in the log: what tells the sequencer a new commit from one that it has written.
//!
//! A map in memory for what was written lately, and digests in the log's table for all of it. A digest covers
//! a stretch of the log and can be made again from it; without digests every start would read the whole log.

use std::collections::HashMap;

use gitledger_events::Stream;
use uuid::Uuid;

use super::item::{AT, BODY, Item, Misshapen, bytes, get_bytes, get_number, keys, number};
use super::segment::Segment;
use super::store::LogKey;

/// A stretch of so many segments is digested, or of so many streams: then the digest is still an item.
const SEGMENTS_MAX: u32 = 64;
const STREAMS_MAX: usize = 12_000;
/// A mark in a digest: the stream's mark, and its version.
const MARK_BYTES: usize = 24;

const TO: &str = "to";
const WRITTEN_AT: &str = "w";

/// A stream, in 16 bytes. A stream's name may be much longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark(Uuid);

impl Mark {
    pub fn of(stream: &Stream) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, stream.as_str().as_bytes()))
    }
}

/// Stream and version, for each stream of a stretch.
pub type Marks = HashMap<Mark, u64>;

/// What a digest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The first position that it covers.
    pub from: u64,
    /// The last one.
    pub to: u64,
    /// When it was written, in seconds since 1970.
    pub written_at_s: u64,
    /// How far each stream of the stretch got in it.
    pub marks: Marks,
}

impl Digest {
    /// As it is put.
    pub fn item(&self) -> Item {
        let mut marks: Vec<_> = self.marks.iter().collect();
        marks.sort_unstable();
        let mut body = Vec::with_capacity(marks.len() * MARK_BYTES);
        for (mark, version) in marks {
            body.extend_from_slice(mark.0.as_bytes());
            body.extend_from_slice(&version.to_be_bytes());
        }
        let mut item = keys(LogKey::DIGEST, self.from);
        item.insert(TO.to_owned(), number(self.to));
        item.insert(WRITTEN_AT.to_owned(), number(self.written_at_s));
        item.insert(BODY.to_owned(), bytes(body));
        item
    }

    /// As it came.
    pub fn from_item(item: &Item) -> Result<Self, Misshapen> {
        let body = get_bytes(item, BODY)?;
        let (marks, rest) = body.as_chunks::<MARK_BYTES>();
        if !rest.is_empty() {
            return Err(Misshapen(BODY));
        }
        let marks = marks.iter().map(|mark| {
            let (stream, version) = mark.split_at(16);
            let stream = Uuid::from_slice(stream).map_err(|_| Misshapen(BODY))?;
            let version = version.try_into().map_err(|_| Misshapen(BODY))?;
            Ok((Mark(stream), u64::from_be_bytes(version)))
        });
        Ok(Self {
            from: get_number(item, AT)?,
            to: get_number(item, TO)?,
            written_at_s: get_number(item, WRITTEN_AT)?,
            marks: marks.collect::<Result<_, _>>()?,
        })
    }
}

/// The end of the log that no digest covers yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undigested {
    /// The first position after the last digest.
    pub from: u64,
    segments: u32,
    marks: Marks,
}

impl Undigested {
    /// Nothing, after this position.
    pub fn after(position: u64) -> Self {
        Self { from: position + 1, segments: 0, marks: Marks::new() }
    }

    /// Takes a segment in. A digest, when it is time for one; then this begins anew after it.
    pub fn take(&mut self, segment: &Segment, now_s: u64) -> Option<Digest> {
        for part in &segment.parts {
            self.marks.insert(Mark::of(&part.stream), part.last());
        }
        self.segments += 1;
        if self.segments < SEGMENTS_MAX && self.marks.len() < STREAMS_MAX {
            return None;
        }
        let to = segment.last();
        let done = std::mem::replace(self, Self::after(to));
        Some(Digest { from: done.from, to, written_at_s: now_s, marks: done.marks })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a panic is the report of a test
mod tests {
    use super::{Digest, Mark, SEGMENTS_MAX, Undigested};
    use crate::contract::sample::stream;
    use crate::dynamo::segment::{Part, Segment};

    fn segment(position: u64) -> Segment {
        let part =
            Part { stream: stream(u128::from(position % 3)), first: position, lines: vec![String::new()] };
        Segment { first: position, parts: vec![part] }
    }

    #[test]
    fn digests_cover_the_log_one_after_the_other_and_come_back_as_they_were() {
        let mut undigested = Undigested::after(0);
        let all = u64::from(SEGMENTS_MAX) * 2;
        let digests: Vec<_> = (1..=all).filter_map(|at| undigested.take(&segment(at), 7)).collect();
        assert_eq!(
            digests.iter().map(|digest| (digest.from, digest.to)).collect::<Vec<_>>(),
            [(1, 64), (65, 128)]
        );
        assert_eq!(digests[1].marks[&Mark::of(&stream(2))], 128);
        assert_eq!(undigested, Undigested::after(128));
        for digest in digests {
            assert_eq!(Digest::from_item(&digest.item()).unwrap(), digest);
        }
    }
}
