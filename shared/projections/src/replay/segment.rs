//! A sealed segment: a stretch of the ledger in brief, as bytes. A cache: whatever is wrong with one, it is thrown
//! away and made again from the ledger.
//!
//! Layout, all numbers little-endian: magic and version (8 bytes), count of briefs (u32), count of names (u32),
//! first name's number (u64), position before the first (u64), last position (u64), events passed over as
//! unreadable (u64), checksum of everything else (u64), id of the last event (16 bytes, so that a segment of
//! another ledger is told from one of this); then the names that first come up here (u32 length, text),
//! padded to 8 bytes; then the briefs, 64 bytes each.

use super::brief::{BRIEF_BYTES, Brief};
use super::names::Names;

/// Magic and version: another shape of [`Brief`], or another reading of events, is another version.
pub const MAGIC: [u8; 8] = *b"GLSEG\0\0\x01";
/// How long the fixed part is.
const HEAD_BYTES: usize = 72;

/// A stretch of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Everything up to here is in earlier segments.
    pub after: u64,
    /// Everything up to here is in this one.
    pub last: u64,
    /// So many names were known before.
    pub names_before: usize,
    /// Events that could not be read.
    pub unreadable: u64,
    /// The id of the event at `last`.
    pub last_id: [u8; 16],
    /// The rest.
    pub briefs: Vec<Brief>,
}

/// Why some bytes are no segment, or not the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNext {
    /// Not a segment, or of another version.
    #[error("not a segment of this version")]
    Version,
    /// Cut short, or changed.
    #[error("cut short or damaged")]
    Damaged,
    /// A segment, but not the one that follows.
    #[error("does not follow the one before")]
    OutOfOrder,
}

impl Segment {
    /// As bytes; the names that came up in it are taken from the dictionary.
    pub fn to_bytes(&self, names: &Names) -> Vec<u8> {
        let mut text = Vec::new();
        let mut count = 0u32;
        for name in names.since(self.names_before) {
            text.extend_from_slice(&u32::try_from(name.len()).unwrap_or(u32::MAX).to_le_bytes());
            text.extend_from_slice(name.as_bytes());
            count += 1;
        }
        text.resize(text.len().next_multiple_of(8), 0);
        let mut bytes = Vec::with_capacity(HEAD_BYTES + text.len() + self.briefs.len() * BRIEF_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&u32::try_from(self.briefs.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&count.to_le_bytes());
        let before = u64::try_from(self.names_before).unwrap_or(u64::MAX);
        for number in [before, self.after, self.last, self.unreadable, 0] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.last_id);
        bytes.extend_from_slice(&text);
        for brief in &self.briefs {
            bytes.extend_from_slice(&brief.to_bytes());
        }
        let sum = checksum(&bytes);
        bytes[48..56].copy_from_slice(&sum.to_le_bytes());
        bytes
    }
}

/// Reads the segment that follows a position: its names go into the dictionary, its briefs to whoever wants them.
/// Nothing is handed out before all of it is found sound.
pub fn read_next(
    bytes: &[u8],
    after: u64,
    names: &mut Names,
    mut take: impl FnMut(&Brief, &Names),
) -> Result<Header, NotNext> {
    let header = Header::read(bytes)?;
    if header.after != after || header.names_before != names.len() {
        return Err(NotNext::OutOfOrder);
    }
    let mut rest = bytes.get(HEAD_BYTES..).ok_or(NotNext::Damaged)?;
    let start = rest.len();
    for _ in 0..header.names {
        let (length, more) = rest.split_first_chunk::<4>().ok_or(NotNext::Damaged)?;
        let length = u32::from_le_bytes(*length) as usize;
        let name = more.get(..length).ok_or(NotNext::Damaged)?;
        names.number(std::str::from_utf8(name).map_err(|_| NotNext::Damaged)?);
        rest = &more[length..];
    }
    let read = start - rest.len();
    let padding = read.next_multiple_of(8) - read;
    let briefs = rest.get(padding..).ok_or(NotNext::Damaged)?;
    let (briefs, more) = briefs.as_chunks::<BRIEF_BYTES>();
    if briefs.len() != header.briefs || !more.is_empty() {
        return Err(NotNext::Damaged);
    }
    for brief in briefs {
        take(&Brief::from_bytes(brief), names);
    }
    Ok(header)
}

/// The fixed part, found sound together with what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// How many briefs.
    pub briefs: usize,
    /// How many names first come up in it.
    pub names: usize,
    /// How many were known before.
    pub names_before: usize,
    /// Everything up to here is in earlier ones.
    pub after: u64,
    /// Everything up to here is in it.
    pub last: u64,
    /// Events passed over.
    pub unreadable: u64,
    /// The id of the event at `last`.
    pub last_id: [u8; 16],
}

impl Header {
    /// Checks version and checksum.
    pub fn read(bytes: &[u8]) -> Result<Self, NotNext> {
        let head = bytes.first_chunk::<HEAD_BYTES>().ok_or(NotNext::Version)?;
        if head[..8] != MAGIC {
            return Err(NotNext::Version);
        }
        let short = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let long = |at: usize| u64::from(short(at)) | (u64::from(short(at + 4)) << 32);
        if checksum(bytes) != long(48) {
            return Err(NotNext::Damaged);
        }
        let mut last_id = [0; 16];
        last_id.copy_from_slice(&head[56..72]);
        Ok(Self {
            briefs: short(8) as usize,
            names: short(12) as usize,
            names_before: usize::try_from(long(16)).map_err(|_| NotNext::Damaged)?,
            after: long(24),
            last: long(32),
            unreadable: long(40),
            last_id,
        })
    }
}

/// Of everything but the checksum itself, in four lanes so that it costs little. Against decay, not against
/// an enemy: whoever can write here can write the ledger.
fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9FB2_1C65_1E98_DF25;
    let mut lanes = [1u64, 2, 3, 4];
    let mut mix = |part: &[u8]| {
        let (blocks, rest) = part.as_chunks::<32>();
        for block in blocks {
            let (words, _) = block.as_chunks::<8>();
            for (lane, word) in lanes.iter_mut().zip(words) {
                *lane = (*lane ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR).rotate_left(29);
            }
        }
        for (place, byte) in rest.iter().enumerate() {
            let lane = &mut lanes[place % 4];
            *lane = (*lane ^ u64::from(*byte)).wrapping_mul(FACTOR).rotate_left(29);
        }
    };
    mix(bytes.get(..48).unwrap_or(bytes));
    mix(bytes.get(56..).unwrap_or_default());
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    lanes.iter().fold(length, |sum, lane| (sum ^ lane).wrapping_mul(FACTOR).rotate_left(31))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::brief::Kind;

    fn sample() -> (Segment, Names) {
        let mut names = Names::default();
        names.number("known before");
        let names_before = names.len();
        let briefs = (0..9u64)
            .map(|number| Brief {
                position: 10 + number,
                agent: names.number(&format!("agent-{}", number % 7)),
                kind: Kind::Requested,
                ..Brief::default()
            })
            .collect();
        (Segment { after: 9, last: 60, names_before, unreadable: 1, last_id: [7; 16], briefs }, names)
    }

    fn before() -> Names {
        let mut names = Names::default();
        names.number("known before");
        names
    }

    #[test]
    fn what_is_sealed_is_what_is_read() {
        let (segment, names) = sample();
        let bytes = segment.to_bytes(&names);
        let (mut read, mut briefs) = (before(), Vec::new());
        let header = read_next(&bytes, 9, &mut read, |brief, _| briefs.push(*brief)).unwrap();
        assert_eq!((header.last, header.unreadable, &briefs), (60, 1, &segment.briefs));
        assert_eq!(header.last_id, [7; 16]);
        assert_eq!(read.since(0).collect::<Vec<_>>(), names.since(0).collect::<Vec<_>>());
    }

    #[test]
    fn no_flipped_bit_and_no_cut_goes_unnoticed() {
        let (segment, names) = sample();
        let bytes = segment.to_bytes(&names);
        for place in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[place] ^= 1 << (place % 8);
            let taken = read_next(&wrong, 9, &mut before(), |_, _| panic!("handed out"));
            assert!(taken.is_err(), "byte {place}");
            assert!(Header::read(&bytes[..place]).is_err(), "cut at {place}");
        }
    }

    #[test]
    fn a_segment_counts_only_where_it_belongs() {
        let (segment, names) = sample();
        let bytes = segment.to_bytes(&names);
        let wrong = Err(NotNext::OutOfOrder);
        assert_eq!(read_next(&bytes, 8, &mut before(), |_, _| {}), wrong);
        assert_eq!(read_next(&bytes, 9, &mut Names::default(), |_, _| {}), wrong);
        let mut newer = bytes;
        newer[7] += 1;
        assert_eq!(read_next(&newer, 9, &mut before(), |_, _| {}), Err(NotNext::Version));
    }
}
