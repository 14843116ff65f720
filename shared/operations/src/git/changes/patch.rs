//! Cuts a page out of a patch: whole files; a file that is larger than a page in whole hunks, a hunk that is
//! larger than a page in whole lines. Pages joined are the patch, byte for byte.

use super::FileChange;
use crate::Page;
use crate::page::{Paging, json_bytes, json_prefix, name_bytes, named};

/// The lines of one file.
struct Part<'a> {
    file: FileChange,
    lines: &'a [u8],
    /// Where its lines end in the patch.
    end: usize,
}

/// The page that begins at the byte which the cursor says. `cut_off`: the patch's end is missing, so its last
/// file is not whole, and there is no way to it.
pub(super) fn page(
    paging: &Paging,
    pins: &[String],
    other_bytes: usize,
    files: Vec<FileChange>,
    patch: &[u8],
    cut_off: bool,
) -> (Vec<FileChange>, String, Page) {
    let (parts, lost) = parts(files, patch, paging.skip(), cut_off);
    let size = |part: &Part<'_>| json_bytes(&part.file) + json_bytes(text(part.lines).as_str());
    let name = |part: &Part<'_>| part.file.path.clone();
    let room = paging.max_bytes.saturating_sub(other_bytes);
    if let Some(first) = parts.first().filter(|first| size(first) > room / 2) {
        let names: usize =
            parts[1..].iter().map(|part| name_bytes(&part.file.path)).sum::<usize>().min(room / 2);
        let left = room.saturating_sub(names + json_bytes(&first.file) + 16);
        let fits = fitting(first.lines, left);
        if fits < first.lines.len() {
            return beginning(paging, pins, &parts, fits, names);
        }
    }
    let ends: Vec<usize> = parts.iter().map(|part| part.end).collect();
    let (shown, mut page) = paging.window(parts, false, pins, other_bytes, size, name);
    if page.cursor.is_some() {
        page.cursor = ends.get(shown.len().saturating_sub(1)).map(|end| paging.next(pins, *end));
    }
    page.truncated |= cut_off;
    page.omitted.extend(lost);
    let lines = shown.iter().map(|part| text(part.lines)).collect();
    (shown.into_iter().map(|part| part.file).collect(), lines, page)
}

/// A page with the beginning of a file that does not fit on one.
fn beginning(
    paging: &Paging,
    pins: &[String],
    parts: &[Part<'_>],
    fits: usize,
    names: usize,
) -> (Vec<FileChange>, String, Page) {
    let first = &parts[0];
    let file = FileChange { partial: true, ..first.file.clone() };
    let later: Vec<String> = parts.iter().map(|part| part.file.path.clone()).collect();
    let at = first.end - first.lines.len() + fits;
    let omitted = named(later.into_iter(), names);
    let page = Page { truncated: true, omitted, cursor: Some(paging.next(pins, at)) };
    (vec![file], text(&first.lines[..fits]), page)
}

/// The files from a byte of the patch on, and the names of those whose lines are not at hand.
fn parts(files: Vec<FileChange>, patch: &[u8], from: usize, cut_off: bool) -> (Vec<Part<'_>>, Vec<String>) {
    let mut chunks = split(patch, &[b"diff --git ", b"* Unmerged path "]);
    if cut_off {
        chunks.pop();
    }
    let mut chunks = chunks.into_iter().peekable();
    let expected: usize = files.iter().map(chunks_of).sum();
    if expected != chunks.len() && !cut_off {
        let own = |chunk: &&[u8]| {
            let header = text(chunk).lines().next().unwrap_or_default().replace("diff --git ", "");
            FileChange { path: header, status: "modified".to_owned(), ..FileChange::default() }
        };
        let named: Vec<_> = chunks.map(|chunk| (own(&chunk), chunk.len())).collect();
        return (placed(named, patch, from), Vec::new());
    }
    let mut lengths = Vec::new();
    let mut lost = Vec::new();
    for file in files {
        let wanted = chunks_of(&file);
        let own: Vec<&[u8]> = chunks.by_ref().take(wanted).collect();
        if own.len() == wanted && lost.is_empty() {
            lengths.push((file, own.iter().map(|chunk| chunk.len()).sum()));
        } else {
            lost.push(file.path);
        }
    }
    (placed(lengths, patch, from), lost)
}

/// A change of type is told as a file that goes and one that comes.
fn chunks_of(file: &FileChange) -> usize {
    if file.status == "type-changed" { 2 } else { 1 }
}

fn placed(files: Vec<(FileChange, usize)>, patch: &[u8], from: usize) -> Vec<Part<'_>> {
    let mut end = 0;
    let mut parts = Vec::new();
    for (file, length) in files {
        let start = end;
        end = (start + length).min(patch.len());
        if end > from {
            let partial = start < from;
            let lines = &patch[start.max(from)..end];
            parts.push(Part { file: FileChange { partial, ..file }, lines, end });
        }
    }
    parts
}

/// How many bytes of a file's lines fit: whole hunks if at least one does, else whole lines, else whole
/// characters. Never none.
fn fitting(lines: &[u8], room: usize) -> usize {
    let hunks = split(lines, &[b"@@ "]);
    let mut used = 0;
    let fits = |hunk: &&&[u8]| {
        used += json_bytes(text(hunk).as_str()).saturating_sub(2);
        used <= room
    };
    let whole: Vec<_> = hunks.iter().take_while(fits).collect();
    // What stands before the first hunk says nothing alone.
    let head = usize::from(!lines.starts_with(b"@@ ") && hunks.len() > 1);
    if whole.len() > head {
        return whole.iter().map(|hunk| hunk.len()).sum();
    }
    let first = lines
        .utf8_chunks()
        .next()
        .map_or(1, |chunk| chunk.valid().chars().next().map_or(chunk.invalid().len(), char::len_utf8));
    json_prefix(lines, room).max(first)
}

fn text(part: &[u8]) -> String {
    String::from_utf8_lossy(part).into_owned()
}

/// Splits before every line that starts with a mark. A line of a file's contents never does: it starts with
/// a space, `+`, `-` or `\`.
fn split<'a>(bytes: &'a [u8], marks: &[&[u8]]) -> Vec<&'a [u8]> {
    let line_starts = std::iter::once(0)
        .chain(bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index + 1));
    let marked = |start: &usize| *start == 0 || marks.iter().any(|mark| bytes[*start..].starts_with(mark));
    let mut starts: Vec<usize> = line_starts.filter(marked).collect();
    starts.push(bytes.len());
    starts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::noise::noise;
    use crate::page::tests::paging;

    const PATCH: &str = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n@@ -9 +9 @@\n-@@ c\n+d\n\
                         diff --git a/y b/y\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-1\n+2\n";

    fn files() -> Vec<FileChange> {
        let file = |path: &str| FileChange { path: path.to_owned(), ..FileChange::default() };
        vec![file("x"), file("y")]
    }

    /// Every page, joined; and how many there were.
    fn joined(patch: &[u8], max_bytes: usize) -> (String, usize) {
        let (mut all, mut cursor, mut pages) = (String::new(), None, 0);
        loop {
            let at = paging(max_bytes, cursor.as_deref());
            let (_, text, page) = super::page(&at, &["ab".to_owned()], 0, files(), patch, false);
            all.push_str(&text);
            pages += 1;
            cursor = page.cursor;
            if cursor.is_none() {
                return (all, pages);
            }
            assert!(page.truncated && !page.omitted.is_empty());
        }
    }

    #[test]
    fn pages_joined_are_the_patch_however_small_they_are() {
        for max_bytes in 0..600 {
            assert_eq!(joined(PATCH.as_bytes(), max_bytes).0, PATCH, "{max_bytes}");
        }
        assert_eq!(joined(PATCH.as_bytes(), 600).1, 1);
    }

    #[test]
    fn a_file_that_is_larger_than_a_page_is_cut_between_hunks() {
        let (shown, text, page) = page(&paging(170, None), &[], 0, files(), PATCH.as_bytes(), false);
        assert!(text.ends_with("+b\n"), "{text}");
        assert!(shown[0].partial);
        assert_eq!(page.omitted, ["x", "y"]);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let long = format!("{}{}\n", &PATCH[..PATCH.len() - 3], "\u{e9}".repeat(3000));
        assert_eq!(joined(long.as_bytes(), 1024).0, long);
    }

    #[test]
    fn a_patch_that_git_cut_loses_its_last_file_and_names_it() {
        let (shown, text, page) =
            page(&paging(2000, None), &[], 0, files(), &PATCH.as_bytes()[..PATCH.len() - 2], true);
        assert!(text.ends_with("+d\n"));
        assert_eq!((shown.len(), page.truncated, page.cursor), (1, true, None));
        assert_eq!(page.omitted, ["y"]);
    }

    #[test]
    fn no_bytes_make_it_panic_or_go_round_in_circles() {
        for (max, bytes) in noise(300, b"diff --git @@ ab\n\n\0\xff\xc3").enumerate() {
            page(&paging(max % 90, None), &[], 0, files(), &bytes, true);
            joined(&bytes, max % 90);
        }
    }
}
