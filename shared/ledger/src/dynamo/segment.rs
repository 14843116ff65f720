//! The log: segments of events in the order of the whole ledger, each the continuation of the one before.
//!
//! A segment's sort key is the position of its first event and it holds all up to the next one's, so the next
//! key follows from the segment alone. Two that want to write the next segment want the same key, and one gets it.

use gitledger_events::Stream;

use super::item::{AT, Body, COUNT, Item, Misshapen, get_number, keys, number};
use super::lines;
use crate::{LedgerError, Position, Recorded};

/// The partition of the log.
pub const LOG: &str = "log";
/// A segment takes no further commit when its text has grown to so much: squeezed that is at most about 370 KB
/// even if it could hardly be squeezed, and usually a fifth of it.
pub const TEXT_BYTES_MAX: usize = 440 * 1000;

/// A commit on its way into the log, or in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The stream.
    pub stream: Stream,
    /// The version of its first event.
    pub first: u64,
    /// One line per event.
    pub lines: Vec<String>,
}

impl Part {
    /// How many events.
    pub fn count(&self) -> u64 {
        u64::try_from(self.lines.len()).unwrap_or(u64::MAX)
    }

    /// The version of its last event.
    pub fn last(&self) -> u64 {
        self.first + self.count().saturating_sub(1)
    }

    /// Bytes of text that it adds to a segment, about.
    fn text_bytes(&self) -> usize {
        self.lines.iter().map(|line| line.len() + 1).sum::<usize>() + self.stream.as_str().len() + 24
    }
}

/// Some of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The position of its first event.
    pub first: u64,
    /// Its commits, in order.
    pub parts: Vec<Part>,
}

/// Cuts what is to be written into segments, in order, the first at this position.
pub fn cut(mut first: u64, parts: Vec<Part>) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut text_bytes = 0;
    for part in parts {
        let bytes = part.text_bytes();
        match segments.last_mut() {
            Some(segment) if text_bytes + bytes <= TEXT_BYTES_MAX => {
                text_bytes += bytes;
                first += part.count();
                segment.parts.push(part);
            }
            _ => {
                text_bytes = bytes;
                let next = first;
                first += part.count();
                segments.push(Segment { first: next, parts: vec![part] });
            }
        }
    }
    segments
}

impl Segment {
    /// How many events.
    pub fn count(&self) -> u64 {
        self.parts.iter().map(Part::count).sum()
    }

    /// The position of its last event.
    pub fn last(&self) -> u64 {
        self.first + self.count().saturating_sub(1)
    }

    /// Its text: for each commit a line with stream, version and count, then its events.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.parts.iter().map(Part::text_bytes).sum());
        for part in &self.parts {
            text.extend([
                part.stream.as_str(),
                " ",
                &part.first.to_string(),
                " ",
                &part.lines.len().to_string(),
                "\n",
            ]);
            for line in &part.lines {
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    }

    /// As it is put.
    pub fn item(&self, body: Body) -> Item {
        let mut item = keys(LOG, self.first);
        item.insert(COUNT.to_owned(), number(self.count()));
        body.put_into(&mut item);
        item
    }

    /// Reads a segment's text at its place.
    pub fn parse(first: u64, count: u64, text: &str) -> Result<Self, LedgerError> {
        let unreadable =
            |reason: &str| LedgerError::Unreadable { position: first, reason: reason.to_owned() };
        let mut parts = Vec::new();
        let mut rest = text.lines();
        while let Some(head) = rest.next() {
            let (stream, version, events) =
                part_head(head).ok_or_else(|| unreadable("a commit's first line is none"))?;
            let lines: Vec<String> = rest.by_ref().take(events).map(str::to_owned).collect();
            if lines.len() != events {
                return Err(unreadable("events are missing"));
            }
            parts.push(Part { stream, first: version, lines });
        }
        let segment = Self { first, parts };
        if segment.count() == count {
            Ok(segment)
        } else {
            Err(unreadable("it holds another number of events"))
        }
    }

    /// Its events after a position, with their positions, up to the first one that is no event: that one is an
    /// error when nothing comes before it.
    pub fn events_after(self, after: u64) -> Result<Vec<Recorded>, LedgerError> {
        let mut events = Vec::new();
        let mut next = self.first;
        for part in self.parts {
            for (version, line) in (part.first..).zip(part.lines) {
                let position = next;
                next += 1;
                if position <= after {
                    continue;
                }
                match lines::event(&line).and_then(|event| event.record(part.stream.clone(), version)) {
                    Ok(record) => events.push(Recorded { position: Position::from_u64(position), record }),
                    Err(reason) if events.is_empty() => {
                        return Err(LedgerError::Unreadable { position, reason });
                    }
                    Err(_) => return Ok(events),
                }
            }
        }
        Ok(events)
    }
}

fn part_head(line: &str) -> Option<(Stream, u64, usize)> {
    let mut words = line.split(' ');
    let head = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (words.next().is_none() && head.1 > 0 && head.2 > 0).then_some(head)
}

/// First position and number of events of a segment's item.
pub fn place(item: &Item) -> Result<(u64, u64), Misshapen> {
    Ok((get_number(item, AT)?, get_number(item, COUNT)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a panic is the report of a test
mod tests {
    use super::{Part, Segment, TEXT_BYTES_MAX, cut};
    use crate::contract::sample::stream;

    fn part(number: u128, first: u64, events: usize, bytes: usize) -> Part {
        Part { stream: stream(number), first, lines: vec!["x".repeat(bytes); events] }
    }

    #[test]
    fn segments_follow_each_other_without_a_gap_and_keep_commits_whole() {
        let parts: Vec<_> = (0..40).map(|number| part(number, 1, 3, 20_000)).collect();
        let segments = cut(11, parts.clone());
        assert!(segments.len() > 1);
        let mut next = 11;
        for segment in &segments {
            assert_eq!(segment.first, next);
            assert!(segment.text().len() <= TEXT_BYTES_MAX);
            next = segment.last() + 1;
        }
        assert_eq!(next, 11 + 120);
        assert_eq!(segments.into_iter().flat_map(|segment| segment.parts).collect::<Vec<_>>(), parts);
    }

    #[test]
    fn a_commit_larger_than_a_segment_has_one_of_its_own() {
        let sizes = [1, TEXT_BYTES_MAX + 1, 1];
        let parts = sizes.iter().map(|bytes| part(1, 1, 1, *bytes)).collect();
        assert_eq!(cut(1, parts).iter().map(Segment::count).collect::<Vec<_>>(), [1, 1, 1]);
    }

    #[test]
    fn a_segment_that_lacks_something_is_refused() {
        let whole = Segment { first: 5, parts: vec![part(1, 3, 2, 4), part(2, 1, 1, 4)] };
        let text = whole.text();
        assert_eq!(Segment::parse(5, 3, &text).unwrap(), whole);
        assert!(Segment::parse(5, 4, &text).is_err());
        let cut_short = text.rsplit_once("xxxx").unwrap().0;
        assert!(Segment::parse(5, 3, cut_short).is_err());
        assert!(Segment::parse(5, 3, &text.replace("operation-", "other-")).is_err());
    }
}
