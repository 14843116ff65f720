//! Reads `git blame --incremental`.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Group;
use crate::check::text;

const TEXT_BYTES_MAX: usize = 500;

/// What is told of a commit once, with its first lines.
#[derive(Clone, Default)]
struct Origin {
    author: String,
    email: String,
    at: String,
    subject: String,
    boundary: bool,
}

/// The groups in the order of their lines; what does not fit the format is left out.
pub(super) fn parse(bytes: &[u8]) -> Vec<Group> {
    let text = String::from_utf8_lossy(bytes);
    let mut origins: BTreeMap<&str, Origin> = BTreeMap::new();
    let mut groups = Vec::new();
    let mut open: Option<(&str, Group)> = None;
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let Some((oid, group)) = &mut open else {
            open = header(word, rest).map(|group| (word, group));
            continue;
        };
        let origin = origins.entry(*oid).or_default();
        match word {
            "author" => origin.author = text::start(rest, TEXT_BYTES_MAX),
            "author-mail" => {
                origin.email = text::start(rest.trim_matches(['<', '>']), TEXT_BYTES_MAX);
            }
            "author-time" => origin.at = instant(rest),
            "summary" => origin.subject = text::start(rest, TEXT_BYTES_MAX),
            "boundary" => origin.boundary = true,
            // Always the last of an entry.
            "filename" => {
                group.orig_path = unquoted(rest);
                groups.push((*oid, std::mem::take(group)));
                open = None;
            }
            _ => {}
        }
    }
    let mut groups: Vec<Group> =
        groups.into_iter().map(|(oid, group)| filled(oid, group, &origins)).collect();
    groups.sort_by_key(|group| group.line);
    joined(groups)
}

/// `<oid> <line there> <line here> <lines>`.
fn header(oid: &str, rest: &str) -> Option<Group> {
    let mut numbers = rest.split(' ').map(|number| number.parse().ok());
    let (orig_line, line, lines) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let named = oid.len() >= 40 && oid.bytes().all(|byte| byte.is_ascii_hexdigit());
    named.then(|| Group { line, lines, orig_line, ..Group::default() })
}

fn filled(oid: &str, group: Group, origins: &BTreeMap<&str, Origin>) -> Group {
    // The id of nothing: what is in the working tree only. Its author is git's words, and its time is now.
    if oid.bytes().all(|byte| byte == b'0') {
        return group;
    }
    let origin = origins.get(oid).cloned().unwrap_or_default();
    Group {
        commit: Some(oid.to_owned()),
        author: origin.author,
        author_email: origin.email,
        authored_at: origin.at,
        subject: origin.subject,
        boundary: origin.boundary,
        ..group
    }
}

/// Neighbours of the same commit, whose lines were neighbours there too, become one.
fn joined(groups: Vec<Group>) -> Vec<Group> {
    let mut all: Vec<Group> = Vec::new();
    for group in groups {
        match all.last_mut() {
            Some(last)
                if last.commit == group.commit
                    && last.orig_path == group.orig_path
                    && last.line.checked_add(last.lines) == Some(group.line)
                    && last.orig_line.checked_add(last.lines) == Some(group.orig_line) =>
            {
                last.lines = last.lines.saturating_add(group.lines);
            }
            _ => all.push(group),
        }
    }
    all
}

fn instant(seconds: &str) -> String {
    let at = seconds.parse().ok().and_then(|second| Timestamp::from_second(second).ok());
    at.map_or_else(String::new, |at| at.to_string())
}

/// A name as git quotes it where it has control characters, quotes or backslashes.
fn unquoted(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) else {
        return name.to_owned();
    };
    let mut bytes = Vec::new();
    let mut rest = inner.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next().unwrap_or(b'\\') {
            b'a' => bytes.push(7),
            b'b' => bytes.push(8),
            b't' => bytes.push(b'\t'),
            b'n' => bytes.push(b'\n'),
            b'v' => bytes.push(11),
            b'f' => bytes.push(12),
            b'r' => bytes.push(b'\r'),
            digit @ b'0'..=b'3' => {
                let mut value = digit - b'0';
                for _ in 0..2 {
                    if let Some(digit) = rest.next_if(|byte| (b'0'..=b'7').contains(byte)) {
                        value = (value << 3) | (digit - b'0');
                    }
                }
                bytes.push(value);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::noise::noise;

    #[test]
    fn a_commit_is_described_once_and_its_lines_are_put_in_order() {
        let (a, nobody) = ("a".repeat(40), "0".repeat(40));
        let text = format!(
            "{nobody} 2 2 1\nauthor Not Committed Yet\nauthor-time 5\nsummary x\nfilename f\n\
             {a} 7 3 2\nauthor filename x\nauthor-mail <a@x>\nauthor-time 86400\nsummary s\nboundary\nfilename \"q\\\"\\t\\303\\251\"\n\
             {a} 1 1 1\nfilename f\n"
        );
        let groups = parse(text.as_bytes());
        let lines: Vec<_> = groups.iter().map(|g| (g.line, g.lines, g.commit.is_some())).collect();
        assert_eq!(lines, [(1, 1, true), (2, 1, false), (3, 2, true)]);
        assert_eq!(groups[0].author, "filename x");
        assert_eq!(groups[1].author, "");
        assert_eq!((groups[2].orig_path.as_str(), groups[2].orig_line), ("q\"\t\u{e9}", 7));
        assert_eq!((groups[2].authored_at.as_str(), groups[2].boundary), ("1970-01-02T00:00:00Z", true));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let start = format!("{} 1 1 1\n", "a".repeat(40)).into_bytes();
        for bytes in noise(2000, b"author-time filename summary \"\\0129\n\xff") {
            parse(&bytes);
            parse(&[&start[..], b"filename \"", &bytes].concat());
            parse(&[&start[..], &bytes].concat());
        }
    }
}
