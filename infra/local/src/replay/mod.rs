//! Replaying a ledger's file: from the sealed segments beside it as far as they reach, from the file beyond.

pub mod live;
pub mod prices;
pub mod segments;
pub mod shown;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::Path;

use gitledger_ledger::Position;
use gitledger_ledger::sqlite::{Lent, Scanner};
use gitledger_projections::replay::segment::Segment;
use gitledger_projections::replay::{Account, Brief, Figures, Names, RawEvent, Unreadable};
use jiff::Timestamp;
use segments::Segments;
use sha2::{Digest, Sha256};

/// So many events make a segment; what is left over is read from the ledger each time.
pub const SEGMENT_EVENTS: usize = 16_384;

/// How far a replay goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// To the newest event.
    End,
    /// To this event.
    Position(u64),
    /// To the last event before the first one that was recorded later.
    Instant(Timestamp),
}

/// What a replay found.
#[derive(Debug, Default)]
pub struct Replayed {
    /// Everything that was folded.
    pub account: Account,
    /// The names in it.
    pub names: Names,
    /// Events that no projection understands.
    pub unreadable: u64,
    /// Events read from segments.
    pub from_segments: u64,
    /// Events read from the ledger.
    pub from_ledger: u64,
    /// The instant that was asked for.
    asked: Option<Timestamp>,
}

impl Replayed {
    /// The instant that "now" stands for: the one asked for, else that of the newest event, so that the same events
    /// give the same figures whenever they are asked.
    pub fn at(&self) -> Timestamp {
        let newest = Timestamp::from_microsecond(self.account.newest).unwrap_or_default();
        self.asked.unwrap_or(newest)
    }

    /// The figures.
    pub fn figures(&self) -> Figures {
        self.account.figures(&self.names, self.at())
    }
}

/// SHA-256 of the figures as JSON: equal for equal figures, wherever they were read from.
pub fn digest(figures: &Figures) -> Result<String, String> {
    use std::fmt::Write;
    let bytes = serde_json::to_vec(figures).map_err(|error| error.to_string())?;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(&bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// Folds a ledger. With `segments`: reads those that fit and seals what is missing. Blocks. Tells `progress` how
/// many events it has read, now and then.
pub fn replay(
    ledger: &Path,
    segments: Option<&Path>,
    until: Until,
    progress: &mut dyn FnMut(u64),
) -> Result<Replayed, String> {
    let scanner = Scanner::open(ledger).map_err(|error| error.to_string())?;
    let mut run = Run { replayed: Replayed::default(), until, ended: false };
    if let Until::Instant(at) = until {
        run.replayed.asked = Some(at);
    }
    let segments = segments.map(Segments::new);
    let mut after = 0;
    if let Some(segments) = &segments {
        while let Some(last) = segments.next(&scanner, after, &mut run)? {
            after = last;
            progress(run.replayed.from_segments);
            if run.ended {
                return Ok(run.replayed);
            }
        }
    }
    run.tail(&scanner, after, segments.as_ref(), progress)?;
    Ok(run.replayed)
}

/// A replay under way.
pub(crate) struct Run {
    replayed: Replayed,
    until: Until,
    ended: bool,
}

impl Run {
    /// The fold and the names, for whoever reads a segment into them.
    pub(crate) fn names(&mut self) -> &mut Names {
        &mut self.replayed.names
    }

    /// Folds a brief, unless it is too late.
    pub(crate) fn take(&mut self, brief: &Brief, names: &Names) {
        self.ended = self.ended || self.until.excludes(brief.position, brief.at);
        if !self.ended {
            self.replayed.account.apply(brief, names);
        }
    }

    /// A segment was read whole.
    pub(crate) fn sealed(&mut self, briefs: u64, unreadable: u64) {
        self.replayed.from_segments += briefs;
        self.replayed.unreadable += unreadable;
    }

    /// What no segment holds; full stretches of it are sealed.
    fn tail(
        &mut self,
        scanner: &Scanner,
        after: u64,
        segments: Option<&Segments>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), String> {
        let mut open = Open::new(after, self.replayed.names.len());
        let mut names = std::mem::take(&mut self.replayed.names);
        let mut failed = None;
        let read = scanner.after(Position::from_u64(after), |lent| {
            let at = lent.at;
            if self.until.excludes(lent.position, at) {
                return ControlFlow::Break(());
            }
            self.replayed.from_ledger += 1;
            match raw(&lent).brief(&mut names) {
                Ok(brief) => {
                    self.replayed.account.apply(&brief, &names);
                    open.push(brief, segments.is_some());
                }
                Err(error) => self.put_aside(&mut open, &error),
            }
            open.count += 1;
            if open.count == SEGMENT_EVENTS {
                let id = if segments.is_some() {
                    scanner.id_at(Position::from_u64(lent.position))
                } else {
                    Ok(None)
                };
                // Without an id nobody could tell whose segment it is.
                match id {
                    Ok(id) => open.seal(lent.position, id, &names, segments),
                    Err(error) => failed = Some(error),
                }
                progress(self.replayed.from_segments + self.replayed.from_ledger);
            }
            ControlFlow::Continue(())
        });
        self.replayed.names = names;
        read.and(failed.map_or(Ok(()), Err)).map_err(|error| error.to_string())
    }

    fn put_aside(&mut self, open: &mut Open, error: &Unreadable) {
        tracing::debug!(%error, "event passed over");
        self.replayed.unreadable += 1;
        open.segment.unreadable += 1;
    }
}

/// A stretch that may become a segment.
struct Open {
    segment: Segment,
    count: usize,
}

impl Open {
    fn new(after: u64, names_before: usize) -> Self {
        Self { segment: Segment { after, names_before, ..Segment::default() }, count: 0 }
    }

    fn push(&mut self, brief: Brief, kept: bool) {
        if kept {
            self.segment.briefs.push(brief);
        }
    }

    fn seal(&mut self, last: u64, id: Option<[u8; 16]>, names: &Names, segments: Option<&Segments>) {
        let next = Self::new(last, names.len());
        let mut full = std::mem::replace(self, next).segment;
        if let (Some(segments), Some(id)) = (segments, id) {
            (full.last, full.last_id) = (last, id);
            segments.write(&full, names);
        }
    }
}

impl Until {
    /// Whether an event is too late.
    pub(crate) fn excludes(self, position: u64, at: i64) -> bool {
        match self {
            Self::End => false,
            Self::Position(last) => position > last,
            Self::Instant(last) => at > last.as_microsecond(),
        }
    }
}

fn raw<'a>(lent: &Lent<'a>) -> RawEvent<'a> {
    RawEvent {
        position: lent.position,
        stream: lent.stream,
        version: lent.version,
        name: lent.name,
        at: lent.at,
        meta: lent.meta,
        data: lent.data,
    }
}
