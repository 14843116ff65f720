//! Reads `git status --porcelain=v2 -z --branch`.

use super::{Conflict, Counts, Entry, Renamed, StatusOutput};

/// Reads the records: what stands before the files, and the files, those with conflicts first. What does not
/// fit the format is left out. A cut text loses its last record.
pub(super) fn parse(bytes: &[u8]) -> (StatusOutput, Vec<Entry>) {
    let mut output = StatusOutput::default();
    let (mut conflicts, mut others) = (Vec::new(), Vec::new());
    let whole = bytes.iter().rposition(|byte| *byte == 0).map_or(&[][..], |end| &bytes[..end]);
    let mut records = whole.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    while let Some(record) = records.next() {
        let Some((kind, rest)) = record.split_once(' ') else { continue };
        match kind {
            "#" => header(&mut output, rest),
            "1" => others.extend(entry(rest, 6, None)),
            "2" => {
                let Some(original) = records.next() else { break };
                others.extend(entry(rest, 7, Some(original.into_owned())));
            }
            "u" => conflicts.extend(entry(rest, 8, None)),
            "?" => {
                others.push(Entry { path: rest.to_owned(), orig_path: None, xy: "??".to_owned() });
            }
            _ => {}
        }
    }
    conflicts.append(&mut others);
    (output, conflicts)
}

fn header(output: &mut StatusOutput, text: &str) {
    let (name, value) = text.split_once(' ').unwrap_or((text, ""));
    match name {
        "branch.oid" if value != "(initial)" => output.head = Some(value.to_owned()),
        "branch.head" if value == "(detached)" => output.detached = true,
        "branch.head" => value.clone_into(&mut output.current_branch),
        "branch.upstream" => output.upstream = Some(value.to_owned()),
        "branch.ab" => {
            let (ahead, behind) = value.split_once(' ').unwrap_or_default();
            output.ahead = ahead.trim_start_matches('+').parse().ok();
            output.behind = behind.trim_start_matches('-').parse().ok();
        }
        _ => {}
    }
}

/// `<XY> <fields...> <path>`: the path is what follows `fields` more fields, and may contain spaces.
fn split(text: &str, fields: usize) -> Option<(&str, &str)> {
    let mut parts = text.splitn(fields + 2, ' ');
    let xy = parts.next().filter(|xy| xy.len() == 2 && xy.is_ascii())?;
    Some((xy, parts.nth(fields)?))
}

fn entry(text: &str, fields: usize, orig_path: Option<String>) -> Option<Entry> {
    let (xy, path) = split(text, fields)?;
    Some(Entry { path: path.to_owned(), orig_path, xy: xy.to_owned() })
}

/// A kind of file; one file may be of several.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Conflicted,
    Untracked,
    Staged,
    Modified,
    Deleted,
    Renamed,
}

/// What a file's two letters say. The letters of a conflict are letters of changes, too (`AA`, `DD`): they
/// are known by the pair, before any of them is looked at alone.
fn kinds(entry: &Entry) -> Vec<Kind> {
    match entry.xy.as_str() {
        "DD" | "AU" | "UD" | "UA" | "DU" | "AA" | "UU" => return vec![Kind::Conflicted],
        "??" => return vec![Kind::Untracked],
        _ => {}
    }
    let (index, tree) = entry.xy.split_at(1);
    let all = [
        (index != ".", Kind::Staged),
        (tree != "." && tree != "D", Kind::Modified),
        (tree == "D" || index == "D", Kind::Deleted),
        (entry.orig_path.is_some(), Kind::Renamed),
    ];
    all.into_iter().filter_map(|(is, kind)| is.then_some(kind)).collect()
}

/// Puts a file into the lists it belongs to.
pub(super) fn sort(output: &mut StatusOutput, entry: &Entry) {
    for kind in kinds(entry) {
        let path = entry.path.clone();
        match kind {
            Kind::Conflicted => {
                let kind = entry.xy.clone();
                output.conflicted.push(Conflict { path, kind, ..Conflict::default() });
            }
            Kind::Untracked => output.untracked.push(path),
            Kind::Staged => output.staged.push(path),
            Kind::Modified => output.modified.push(path),
            Kind::Deleted => output.deleted.push(path),
            Kind::Renamed => {
                let orig_path = entry.orig_path.clone().unwrap_or_default();
                output.renamed.push(Renamed { path, orig_path });
            }
        }
    }
}

/// Counts a file where it belongs.
pub(super) fn count(counts: &mut Counts, entry: &Entry) {
    counts.entries += 1;
    for kind in kinds(entry) {
        *match kind {
            Kind::Conflicted => &mut counts.conflicted,
            Kind::Untracked => &mut counts.untracked,
            Kind::Staged => &mut counts.staged,
            Kind::Modified => &mut counts.modified,
            Kind::Deleted => &mut counts.deleted,
            Kind::Renamed => &mut counts.renamed,
        } += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::StatusOutput;
    use super::{parse, sort};
    use crate::git::noise::noise;

    fn read(bytes: &[u8]) -> StatusOutput {
        let (mut output, entries) = parse(bytes);
        for entry in &entries {
            sort(&mut output, entry);
        }
        StatusOutput { entries, ..output }
    }

    #[test]
    fn a_change_that_is_not_staged_is_modified_and_keeps_the_first_letter_of_its_name() {
        let text = "# branch.oid (initial)\0# branch.head main\0# branch.ab +2 -1\0\
                    1 .M N... 100644 100644 100644 aa bb a b.txt\0\
                    1 D. N... 100644 000000 000000 aa 00 gone\0\
                    2 R. N... 100644 100644 100644 aa aa R100 new name\0old name\0\
                    u UU N... 100644 100644 100644 100644 aa bb cc both\0? un tracked\0";
        let output = read(text.as_bytes());
        assert_eq!(output.modified, ["a b.txt"]);
        assert_eq!(output.staged, ["gone", "new name"]);
        assert_eq!(output.deleted, ["gone"]);
        assert_eq!(output.renamed[0].orig_path, "old name");
        assert_eq!(output.conflicted[0].kind, "UU");
        assert_eq!(output.untracked, ["un tracked"]);
        assert_eq!((output.ahead, output.behind, output.head), (Some(2), Some(1), None));
    }

    #[test]
    fn both_added_and_both_deleted_are_conflicts_and_come_first() {
        let text = "1 MM N... 100644 100644 100644 aa bb a\0u AA N... 0 1 1 1 aa bb cc x y\0\
                    u DD N... 1 0 0 0 aa bb cc d\0";
        let output = read(text.as_bytes());
        let kinds: Vec<_> = output.conflicted.iter().map(|c| (c.path.as_str(), c.kind.as_str())).collect();
        assert_eq!(kinds, [("x y", "AA"), ("d", "DD")]);
        assert_eq!(output.entries[0].xy, "AA");
        assert_eq!((output.staged, output.deleted.len()), (vec!["a".to_owned()], 0));
    }

    #[test]
    fn a_cut_text_loses_its_last_record_only() {
        assert_eq!(read(b"? one\0? tw").untracked, ["one"]);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for bytes in noise(2000, b"#12u?!.MDRU N+- \0\n\xff(branch.abheadoid)") {
            read(&bytes);
        }
    }
}
