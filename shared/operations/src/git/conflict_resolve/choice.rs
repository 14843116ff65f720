//! What a file becomes, from what was chosen and what the sides of its conflict are.

use std::ops::Range;

use super::{ConflictResolve, HunkChoice, HunkResolution, Resolution};
use crate::Failure;
use crate::failure::codes;
use crate::git::conflict::ConflictSide;
use crate::git::conflict::contents::{Contents, NoHunks};
use crate::git::conflict::hunks::{self, BASE, OURS, Piece, THEIRS};

/// The mode of a submodule, which has no contents here.
pub(super) const SUBMODULE: &str = "160000";
const LINK: &str = "120000";
const FILE: &str = "100644";

/// What a file becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// It is deleted.
    Deleted,
    /// A side's file as it is.
    Side(ConflictSide),
    /// These contents.
    Text {
        /// The contents.
        bytes: Vec<u8>,
        /// git's mode.
        mode: String,
        /// True when a caller wrote a file, false when it is put together of the sides' lines or is a link.
        own: bool,
    },
}

/// What is to be done.
pub(super) fn choose(asked: &ConflictResolve, contents: &Contents) -> Result<Chosen, Box<Failure>> {
    let conflict = &contents.conflict;
    let side = |side: &Option<ConflictSide>| side.clone().map_or(Chosen::Deleted, Chosen::Side);
    match asked.with {
        Resolution::Ours => Ok(side(&conflict.ours)),
        Resolution::Theirs => Ok(side(&conflict.theirs)),
        Resolution::Base => Ok(side(&conflict.base)),
        Resolution::Delete => Ok(Chosen::Deleted),
        Resolution::Content => {
            let mode = mode(contents);
            if mode == SUBMODULE {
                return Err(no_hunks(asked, NoHunks::NotShown));
            }
            let bytes = asked.content().ok().flatten().unwrap_or_default();
            // Where a link leads is no file's contents.
            let own = mode != LINK;
            Ok(Chosen::Text { bytes, mode, own })
        }
        Resolution::Union | Resolution::Hunks => {
            let pieces = contents.pieces().map_err(|why| no_hunks(asked, why))?;
            Ok(Chosen::Text { bytes: joined(asked, contents, &pieces)?, mode: mode(contents), own: false })
        }
    }
}

fn no_hunks(asked: &ConflictResolve, why: NoHunks) -> Box<Failure> {
    let message = format!("{} cannot be joined line by line: {}.", asked.path, why.name());
    Box::new(Failure::new(codes::NO_HUNKS, message))
}

/// The mode that only one side changed, else ours. Contents are not put into a link where a side has a file.
fn mode(contents: &Contents) -> String {
    let conflict = &contents.conflict;
    let of = |side: &Option<ConflictSide>| side.as_ref().map(|side| side.mode.clone());
    let (base, ours, theirs) = (of(&conflict.base), of(&conflict.ours), of(&conflict.theirs));
    let joined = if ours == base { theirs.clone().or(ours.clone()) } else { ours.clone().or(theirs.clone()) };
    let joined = joined.or(base).unwrap_or_else(|| FILE.to_owned());
    let file = |mode: &String| mode != LINK && mode != SUBMODULE;
    let other = [ours, theirs].into_iter().flatten().find(file);
    if file(&joined) { joined } else { other.unwrap_or(joined) }
}

/// What fits, and the hunks as they were chosen.
fn joined(asked: &ConflictResolve, contents: &Contents, pieces: &[Piece]) -> Result<Vec<u8>, Box<Failure>> {
    let sides = [BASE, OURS, THEIRS].map(|side| contents.lines(side));
    let mut bytes = Vec::new();
    let (mut number, mut left) = (0, Vec::new());
    for piece in pieces {
        match piece {
            Piece::Fits(side, range) => append(&mut bytes, hunks::slice(&sides[*side], range)),
            Piece::Hunk(place) => {
                number += 1;
                if let Some((with, own)) = choice(asked, number) {
                    hunk(&mut bytes, &sides, place, with, own);
                } else {
                    left.push(number);
                    marked(&mut bytes, &sides, place);
                }
            }
        }
    }
    if let Some(extra) = asked.hunks.iter().find(|choice| choice.number > number) {
        let message = format!("There is no hunk {}: {} has {number}.", extra.number, asked.path);
        return Err(Box::new(Failure::new(codes::NO_HUNKS, message)));
    }
    if left.is_empty() || asked.allow_markers {
        return Ok(bytes);
    }
    let output = serde_json::json!({"hunks": left});
    let message = format!("Of {} hunks {} are not chosen.", number, left.len());
    Err(Box::new(Failure { output: Some(output), ..Failure::new(codes::MARKERS_LEFT, message) }))
}

fn choice(asked: &ConflictResolve, number: usize) -> Option<(HunkResolution, &str)> {
    if asked.with == Resolution::Union {
        return Some((HunkResolution::Union, ""));
    }
    let of = |choice: &&HunkChoice| choice.number == number;
    let choice = asked.hunks.iter().find(of)?;
    Some((choice.with, choice.content.as_deref().unwrap_or_default()))
}

fn hunk(
    bytes: &mut Vec<u8>,
    sides: &[Vec<&[u8]>; 3],
    place: &[Range<usize>; 3],
    with: HunkResolution,
    own: &str,
) {
    let lines = |side: usize| hunks::slice(&sides[side], &place[side]);
    match with {
        HunkResolution::Ours => append(bytes, lines(OURS)),
        HunkResolution::Theirs => append(bytes, lines(THEIRS)),
        HunkResolution::Base => append(bytes, lines(BASE)),
        HunkResolution::Union => {
            append(bytes, lines(OURS));
            append(bytes, lines(THEIRS));
        }
        HunkResolution::Content => append(bytes, &hunks::lines(own.as_bytes())),
    }
}

/// The lines of all sides between markers, as git writes them.
fn marked(bytes: &mut Vec<u8>, sides: &[Vec<&[u8]>; 3], place: &[Range<usize>; 3]) {
    let names = [(OURS, "<<<<<<< ours\n"), (BASE, "||||||| base\n"), (THEIRS, "=======\n")];
    for (side, marker) in names {
        append(bytes, &[marker.as_bytes()]);
        append(bytes, hunks::slice(&sides[side], &place[side]));
    }
    append(bytes, &[b">>>>>>> theirs\n"]);
}

/// Lines after others: a last line without an end gets one before more follows.
fn append(bytes: &mut Vec<u8>, lines: &[&[u8]]) {
    for line in lines {
        if bytes.last().is_some_and(|last| *last != b'\n') {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(line);
    }
}

/// True when a line is a conflict marker of git's usual length. The one in the middle alone is not counted:
/// texts underline their titles with it.
pub(super) fn has_markers(text: &[u8]) -> bool {
    let marker = |line: &[u8]| {
        [b'<', b'|', b'>'].iter().any(|sign| {
            line.len() >= 7
                && line[..7].iter().all(|byte| byte == sign)
                && line.get(7).is_none_or(|next| matches!(next, b' ' | b'\r'))
        })
    };
    text.split(|byte| *byte == b'\n').any(marker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_whole_and_at_the_beginning_of_a_line() {
        for text in ["<<<<<<< ours\n", "a\n>>>>>>> x", "|||||||\r\n", "<<<<<<<"] {
            assert!(has_markers(text.as_bytes()), "{text:?}");
        }
        for text in ["", "=======\n", "Title\n=======\n", " <<<<<<< a", "<<<<<<<< a", "<<<<<<", "a <<<<<<< b"]
        {
            assert!(!has_markers(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn a_last_line_without_an_end_does_not_run_into_the_next() {
        let mut bytes = Vec::new();
        append(&mut bytes, &[b"a"]);
        append(&mut bytes, &[b"b\n", b"c"]);
        assert_eq!(bytes, b"a\nb\nc");
    }
}
