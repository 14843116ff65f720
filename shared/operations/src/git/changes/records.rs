//! Reads what stands before the patch in `git diff -z --raw --numstat --patch`.

use std::collections::BTreeMap;

use super::FileChange;

/// The files, and the patch that follows them. What does not fit the format ends the list.
pub(super) fn parse(bytes: &[u8]) -> (Vec<FileChange>, &[u8]) {
    let mut rest = bytes;
    let mut files = Vec::new();
    let mut counts = BTreeMap::new();
    while let Some(token) = take(&mut rest) {
        // The empty token between the records and the patch.
        if token.is_empty() {
            break;
        }
        let read = match token.strip_prefix(':') {
            Some(raw) => file(raw, &mut rest).map(|file| files.push(file)),
            None => count(&token, &mut rest).map(|(path, count)| {
                counts.insert(path, count);
            }),
        };
        if read.is_none() {
            break;
        }
    }
    for file in &mut files {
        if let Some((additions, deletions)) = counts.get(&file.path) {
            (file.additions, file.deletions) = (*additions, *deletions);
            file.binary = additions.is_none();
        }
    }
    (files, rest)
}

/// The text up to the next NUL byte; `None` when there is none.
fn take(rest: &mut &[u8]) -> Option<String> {
    let end = rest.iter().position(|byte| *byte == 0)?;
    let token = String::from_utf8_lossy(&rest[..end]).into_owned();
    *rest = &rest[end + 1..];
    Some(token)
}

/// `<mode> <mode> <oid> <oid> <status>`, then one path or two.
fn file(raw: &str, rest: &mut &[u8]) -> Option<FileChange> {
    let letter = raw.rsplit(' ').next()?.chars().next()?;
    let first = take(rest)?;
    let (path, old_path) = match letter {
        'R' | 'C' => (take(rest)?, Some(first)),
        _ => (first, None),
    };
    let status = match letter {
        'A' => "added",
        'C' => "copied",
        'D' => "deleted",
        'R' => "renamed",
        'T' => "type-changed",
        'U' => "unmerged",
        _ => "modified",
    };
    Some(FileChange { path, old_path, status: status.to_owned(), ..FileChange::default() })
}

type Counts = (Option<u64>, Option<u64>);

/// `<added> TAB <removed> TAB <path>`, or an empty path and then both names.
fn count(token: &str, rest: &mut &[u8]) -> Option<(String, Counts)> {
    let mut columns = token.splitn(3, '\t');
    let counts = (columns.next()?.parse().ok(), columns.next()?.parse().ok());
    let path = columns.next()?;
    if !path.is_empty() {
        return Some((path.to_owned(), counts));
    }
    take(rest)?;
    Some((take(rest)?, counts))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::git::noise::noise;

    #[test]
    fn files_counts_and_patch_are_told_apart() {
        let text = b":100644 100644 aa bb M\0a b\0:100644 100644 aa aa R100\0old\0new\0\
                     :000000 100644 00 aa A\0bin\x001\t2\ta b\x000\t0\t\0old\0new\0-\t-\tbin\0\0diff --git x\n";
        let (files, patch) = parse(text);
        assert_eq!(files.len(), 3);
        assert_eq!((files[0].additions, files[0].deletions), (Some(1), Some(2)));
        assert_eq!((files[1].path.as_str(), files[1].old_path.as_deref()), ("new", Some("old")));
        assert!(files[2].binary);
        assert_eq!(patch, b"diff --git x\n");
    }

    #[test]
    fn no_bytes_make_it_panic() {
        noise(2000, b":MRA10 \t\0\0ab-\n\xff").for_each(|bytes| drop(parse(&bytes)));
    }
}
