//! Fits a patch into a number of bytes without cutting a hunk.

use super::{FileChange, Omitted};

/// A patch, or the part of it that fits.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) omitted: Vec<Omitted>,
}

/// Takes whole files; of one that does not fit, its head and its first hunks, if at least one fits. Files
/// after it are tried, too. `cut`: the patch's end is missing, so its last hunk is not whole.
pub(super) fn fit(patch: &[u8], files: &[FileChange], max: usize, cut: bool) -> Shown {
    let chunks = split(patch, b"diff --git ");
    let names = names(files, &chunks);
    let mut shown = Shown::default();
    let last = chunks.len().saturating_sub(1);
    for (index, chunk) in chunks.iter().enumerate() {
        let mut pieces = split(chunk, b"@@ ");
        let head = usize::from(!pieces.first().is_some_and(|part| part.starts_with(b"@@ ")));
        let broken = cut && index == last;
        if broken {
            pieces.pop();
        }
        let whole: usize = pieces.iter().map(|part| text(part).len()).sum();
        let room = max.saturating_sub(shown.text.len());
        let keep = if whole <= room { pieces.len() } else { fitting(&pieces, room) };
        // A head without any hunk says nothing, where there are hunks.
        let keep = if keep <= head && (pieces.len() > head || broken) { 0 } else { keep };
        pieces[..keep].iter().for_each(|part| shown.text.push_str(&text(part)));
        if keep < pieces.len() || broken {
            let name = names.get(index).cloned().unwrap_or_default();
            shown.omitted.push(Omitted { path: name, hunks: pieces.len().saturating_sub(keep.max(head)) });
        }
    }
    // Files of which git's limit left nothing.
    let told = names.len().min(chunks.len());
    let nothing_of = if cut { &names[told..] } else { &[] };
    shown.omitted.extend(nothing_of.iter().map(|path| Omitted { path: path.clone(), hunks: 0 }));
    shown.omitted.dedup_by(|later, earlier| {
        let same = later.path == earlier.path;
        earlier.hunks += if same { later.hunks } else { 0 };
        same
    });
    shown
}

fn text(part: &[u8]) -> String {
    String::from_utf8_lossy(part).into_owned()
}

/// How many parts from the first fit.
fn fitting(parts: &[&[u8]], room: usize) -> usize {
    let mut used = 0;
    let fits = |part: &&&[u8]| {
        used += text(part).len();
        used <= room
    };
    parts.iter().take_while(fits).count()
}

/// Splits before every line that starts with `mark`. A line of a file's contents never does: it starts
/// with a space, `+`, `-` or `\`.
fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Vec<&'a [u8]> {
    let line_starts = std::iter::once(0)
        .chain(bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index + 1));
    let mut starts: Vec<usize> =
        line_starts.filter(|start| *start == 0 || bytes[*start..].starts_with(mark)).collect();
    starts.push(bytes.len());
    starts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).filter(|part| !part.is_empty()).collect()
}

/// The path of each chunk: chunks come in the order of the files, a change of type makes two.
fn names(files: &[FileChange], chunks: &[&[u8]]) -> Vec<String> {
    let twice = |file: &FileChange| if file.status == "type-changed" { 2 } else { 1 };
    let names: Vec<String> =
        files.iter().flat_map(|file| std::iter::repeat_n(file.path.clone(), twice(file))).collect();
    if names.len() >= chunks.len() {
        return names;
    }
    let own = |chunk: &&[u8]| text(chunk).lines().next().unwrap_or_default().replace("diff --git ", "");
    chunks.iter().map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::noise::noise;

    const PATCH: &str = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n@@ -9 +9 @@\n-@@ c\n+d\n\
                         diff --git a/y b/y\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-1\n+2\n";

    fn files() -> Vec<FileChange> {
        let file = |path: &str| FileChange { path: path.to_owned(), ..FileChange::default() };
        vec![file("x"), file("y")]
    }

    #[test]
    fn everything_that_fits_is_shown_as_it_is() {
        let shown = fit(PATCH.as_bytes(), &files(), 1000, false);
        assert_eq!((shown.text.as_str(), shown.omitted.len()), (PATCH, 0));
    }

    #[test]
    fn a_hunk_is_shown_whole_or_not_at_all() {
        for max in 0..PATCH.len() {
            let shown = fit(PATCH.as_bytes(), &files(), max, false);
            assert!(shown.text.len() <= max);
            assert!(!shown.omitted.is_empty());
            assert!(
                shown.text.is_empty()
                    || shown.text.ends_with("+b\n")
                    || shown.text.ends_with("+d\n")
                    || shown.text.ends_with("+2\n"),
                "{max}: {}",
                shown.text
            );
        }
        let one = fit(PATCH.as_bytes(), &files(), 55, false);
        assert_eq!(one.omitted[0], Omitted { path: "x".to_owned(), hunks: 1 });
    }

    #[test]
    fn a_patch_that_git_cut_loses_its_last_hunk() {
        let shown = fit(&PATCH.as_bytes()[..PATCH.len() - 2], &files(), 1000, true);
        assert!(shown.text.ends_with("+d\n"));
        assert_eq!(shown.omitted[0].path, "y");
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for (max, bytes) in noise(2000, b"diff --git @@ ab\n\n\0\xff").enumerate() {
            fit(&bytes, &files(), max % 90, max % 2 == 0);
        }
    }
}
