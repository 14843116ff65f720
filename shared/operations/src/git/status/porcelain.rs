//! Reads `git status --porcelain=v2 -z --branch`.

use super::{Conflict, Entry, Renamed, StatusOutput};

/// Reads the records; what does not fit the format is left out. A cut text loses its last record.
pub(super) fn parse(bytes: &[u8], cut: bool) -> StatusOutput {
    let mut output = StatusOutput { truncated: cut, ..StatusOutput::default() };
    let whole = match bytes.iter().rposition(|byte| *byte == 0) {
        Some(end) => &bytes[..end],
        None => return output,
    };
    let mut records = whole.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    while let Some(record) = records.next() {
        let Some((kind, rest)) = record.split_once(' ') else { continue };
        match kind {
            "#" => header(&mut output, rest),
            "1" => changed(&mut output, rest, 6, None),
            "2" => {
                let Some(original) = records.next() else { break };
                changed(&mut output, rest, 7, Some(original.into_owned()));
            }
            "u" => conflicted(&mut output, rest),
            "?" => {
                output.untracked.push(rest.to_owned());
                output.entries.push(Entry { path: rest.to_owned(), orig_path: None, xy: "??".to_owned() });
            }
            _ => {}
        }
    }
    output
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

fn changed(output: &mut StatusOutput, text: &str, fields: usize, original: Option<String>) {
    let Some((xy, path)) = split(text, fields) else { return };
    let (index, tree) = xy.split_at(1);
    if index != "." {
        output.staged.push(path.to_owned());
    }
    match tree {
        "." => {}
        "D" => output.deleted.push(path.to_owned()),
        _ => output.modified.push(path.to_owned()),
    }
    if index == "D" {
        output.deleted.push(path.to_owned());
    }
    if let Some(orig_path) = &original {
        output.renamed.push(Renamed { path: path.to_owned(), orig_path: orig_path.clone() });
    }
    output.entries.push(Entry { path: path.to_owned(), orig_path: original, xy: xy.to_owned() });
}

fn conflicted(output: &mut StatusOutput, text: &str) {
    let Some((kind, path)) = split(text, 8) else { return };
    let conflict = Conflict { path: path.to_owned(), kind: kind.to_owned(), ..Conflict::default() };
    output.conflicted.push(conflict);
    output.entries.push(Entry { path: path.to_owned(), orig_path: None, xy: kind.to_owned() });
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::git::noise::noise;

    #[test]
    fn a_change_that_is_not_staged_is_modified_and_keeps_the_first_letter_of_its_name() {
        let text = "# branch.oid (initial)\0# branch.head main\0# branch.ab +2 -1\0\
                    1 .M N... 100644 100644 100644 aa bb a b.txt\0\
                    1 D. N... 100644 000000 000000 aa 00 gone\0\
                    2 R. N... 100644 100644 100644 aa aa R100 new name\0old name\0\
                    u UU N... 100644 100644 100644 100644 aa bb cc both\0? un tracked\0";
        let output = parse(text.as_bytes(), false);
        assert_eq!(output.modified, ["a b.txt"]);
        assert_eq!(output.staged, ["gone", "new name"]);
        assert_eq!(output.deleted, ["gone"]);
        assert_eq!(output.renamed[0].orig_path, "old name");
        assert_eq!(output.conflicted[0].kind, "UU");
        assert_eq!(output.untracked, ["un tracked"]);
        assert_eq!((output.ahead, output.behind, output.head), (Some(2), Some(1), None));
    }

    #[test]
    fn a_cut_text_loses_its_last_record_only() {
        let output = parse(b"? one\0? tw", true);
        assert_eq!((output.untracked.len(), output.truncated), (1, true));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for bytes in noise(2000, b"#12u?!.MDRU N+- \0\n\xff(branch.abheadoid)") {
            parse(&bytes, false);
        }
    }
}
