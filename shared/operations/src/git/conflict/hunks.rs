//! The hunks of a conflict, from the two differences that made it; the way git's own merge finds them.
//!
//! Not from the markers in the file: those may have been edited, and a file may have such lines of its own.
//! Lines are kept as bytes, so that what is put together again is exact whatever its encoding.

use std::ops::Range;

/// One difference between two texts, in lines counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// The lines that it replaces.
    pub(crate) old: Range<usize>,
    /// The lines that replace them.
    pub(crate) new: Range<usize>,
}

/// A piece of a joined file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Lines that fit: of which side, and which lines of it.
    Fits(usize, Range<usize>),
    /// Lines that do not: those of base, ours and theirs.
    Hunk([Range<usize>; 3]),
}

/// The sides of a conflict as indices: of the stages in git's index, less one.
pub(crate) const BASE: usize = 0;
pub(crate) const OURS: usize = 1;
pub(crate) const THEIRS: usize = 2;

/// Reads the places of differences out of `git diff --unified=0`. What does not fit the format is left out.
pub(crate) fn edits(patch: &[u8]) -> Vec<Edit> {
    let place = |text: &str| {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        let (start, count): (usize, usize) = (start.parse().ok()?, count.parse().ok()?);
        // Of no lines git names the line before.
        let start = if count == 0 { start } else { start.checked_sub(1)? };
        Some(start..start.checked_add(count)?)
    };
    let edit = |line: &[u8]| {
        let line = std::str::from_utf8(line.strip_prefix(b"@@ -")?.get(..80.min(line.len() - 4))?);
        let text = line.unwrap_or_default();
        let (old, rest) = text.split_once(" +")?;
        Some(Edit { old: place(old)?, new: place(rest.split(' ').next()?)? })
    };
    patch.split(|byte| *byte == b'\n').filter_map(edit).collect()
}

/// The lines of a text, each with its end.
pub(crate) fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Joins two texts that come from one: what only one side changed fits, and what both changed alike.
/// Changes that touch are one, as for git.
pub(crate) fn join(sides: [&[&[u8]]; 3], ours: &[Edit], theirs: &[Edit]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
    // Where the lines are that come next: of base, ours and theirs.
    let mut at = [0, 0, 0];
    loop {
        let start = match (ours.peek(), theirs.peek()) {
            (None, None) => break,
            (Some(edit), None) | (None, Some(edit)) => edit.old.start,
            (Some(one), Some(other)) => one.old.start.min(other.old.start),
        };
        let (mut group, mut end) = ([Vec::new(), Vec::new()], start);
        loop {
            let before = end;
            for (edits, group) in [&mut ours, &mut theirs].into_iter().zip(&mut group) {
                while let Some(edit) = edits.next_if(|edit| edit.old.start <= end) {
                    end = end.max(edit.old.end);
                    group.push(edit);
                }
            }
            if end == before {
                break;
            }
        }
        let same = start.saturating_sub(at[BASE]);
        push(&mut pieces, BASE, at[BASE]..start);
        let after = |at: usize, group: &[&Edit]| {
            group.last().map_or(at + same + (end - start), |last| last.new.end + (end - last.old.end))
        };
        let begin = [start, at[OURS] + same, at[THEIRS] + same];
        let done = [end, after(at[OURS], &group[0]), after(at[THEIRS], &group[1])];
        let place: [Range<usize>; 3] = std::array::from_fn(|side| begin[side]..done[side].max(begin[side]));
        pieces.push(piece(sides, &group, place));
        at = [end, done[OURS].max(begin[OURS]), done[THEIRS].max(begin[THEIRS])];
    }
    push(&mut pieces, BASE, at[BASE]..sides[BASE].len());
    pieces
}

/// What becomes of changes that touch.
fn piece(sides: [&[&[u8]]; 3], group: &[Vec<&Edit>; 2], place: [Range<usize>; 3]) -> Piece {
    let text = |side: usize| slice(sides[side], &place[side]);
    match (group[0].is_empty(), group[1].is_empty()) {
        (false, true) => Piece::Fits(OURS, place[OURS].clone()),
        (true, false) => Piece::Fits(THEIRS, place[THEIRS].clone()),
        _ if text(OURS) == text(THEIRS) => Piece::Fits(OURS, place[OURS].clone()),
        _ => Piece::Hunk(place),
    }
}

/// Compares two texts that come from nothing: what is the same on both sides fits.
pub(crate) fn compare(ours: &[&[u8]], differences: &[Edit]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for edit in differences {
        push(&mut pieces, OURS, at..edit.old.start);
        pieces.push(Piece::Hunk([0..0, edit.old.clone(), edit.new.clone()]));
        at = edit.old.end;
    }
    push(&mut pieces, OURS, at..ours.len());
    pieces
}

fn push(pieces: &mut Vec<Piece>, side: usize, range: Range<usize>) {
    if !range.is_empty() {
        pieces.push(Piece::Fits(side, range));
    }
}

/// These lines; none where there are not as many. The places come from a sandbox, and it may lie.
pub(crate) fn slice<'a, 't>(lines: &'a [&'t [u8]], range: &Range<usize>) -> &'a [&'t [u8]] {
    lines.get(range.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Range<usize> = 0..0;

    fn edit(old: Range<usize>, new: Range<usize>) -> Edit {
        Edit { old, new }
    }

    #[test]
    fn places_are_read_from_the_headers_and_not_from_the_lines() {
        let patch =
            b"diff --git a b\n--- a\n+++ b\n@@ -2 +2 @@ x\n-@@ -9 +9 @@\n@@ -0,0 +5,2 @@\n@@ -7,3 +8,0 @@\n";
        assert_eq!(edits(patch), [edit(1..2, 1..2), edit(0..0, 4..6), edit(6..9, 8..8)]);
    }

    #[test]
    fn what_one_side_changed_fits_and_what_both_changed_is_a_hunk_with_its_lines() {
        let base = lines(b"1\n2\n3\n4\n5\n");
        let ours = lines(b"0\n1\n2\nours\n4\n5\n");
        let theirs = lines(b"1\n2\ntheirs\n4\n");
        let joined = join(
            [&base, &ours, &theirs],
            &[edit(0..0, 0..1), edit(2..3, 3..4)],
            &[edit(2..3, 2..3), edit(4..5, 4..4)],
        );
        let wanted = [
            Piece::Fits(OURS, 0..1),
            Piece::Fits(BASE, 0..2),
            Piece::Hunk([2..3, 3..4, 2..3]),
            Piece::Fits(BASE, 3..4),
            Piece::Fits(THEIRS, 4..4),
        ];
        assert_eq!(joined, wanted);
    }

    #[test]
    fn what_both_changed_alike_fits_and_changes_that_touch_are_one_hunk() {
        let base = lines(b"1\n2\n3\n");
        let ours = lines(b"x\n2\n3\n");
        let alike = [edit(0..1, 0..1)];
        assert_eq!(join([&base, &ours, &ours], &alike, &alike)[0], Piece::Fits(OURS, 0..1));
        let theirs = lines(b"1\ny\n3\n");
        let joined = join([&base, &ours, &theirs], &alike, &[edit(1..2, 1..2)]);
        assert_eq!(joined[0], Piece::Hunk([0..2, 0..2, 0..2]));
    }

    #[test]
    fn without_a_base_every_difference_is_a_hunk() {
        let ours = lines(b"same\na\n");
        let pieces = compare(&ours, &[edit(1..2, 1..3)]);
        assert_eq!(pieces, [Piece::Fits(OURS, 0..1), Piece::Hunk([NOTHING, 1..2, 1..3])]);
    }

    #[test]
    fn no_places_make_it_panic() {
        let text = lines(b"1\n2\n3\n");
        let sides: [&[&[u8]]; 3] = [&text, &text, &text];
        for bytes in crate::git::noise::noise(2000, b"@@ -+,0123456789\n") {
            let mut patch = b"@@ -".to_vec();
            patch.extend(&bytes);
            let (one, other) = (edits(&patch), edits(&bytes));
            for piece in join(sides, &one, &other).into_iter().chain(compare(&text, &one)) {
                match piece {
                    Piece::Fits(_, range) | Piece::Hunk([range, ..]) => drop(slice(&text, &range).to_vec()),
                }
            }
        }
    }
}
