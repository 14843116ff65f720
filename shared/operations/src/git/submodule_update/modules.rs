//! Reads what the index says of submodules: `.gitmodules` as it is staged, and the recorded commits.

use std::collections::BTreeMap;

use crate::Exit;
use crate::git::workspace::is_oid;

/// A section of `.gitmodules`. Nothing in it is checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) path: Option<String>,
    pub(super) url: Option<String>,
    pub(super) update: Option<String>,
}

/// A recorded commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) path: String,
    /// `None` where it is in conflict.
    pub(super) commit: Option<String>,
}

/// Reads `git config -z --list`: `<key> LF <value>`, NUL after each. What stands last counts.
pub(super) fn read(exit: Option<&Exit>) -> Vec<Entry> {
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    let stdout = exit.filter(|exit| exit.ok()).map_or(&[][..], |exit| &exit.stdout);
    for record in stdout.split(|byte| *byte == 0) {
        let Ok(record) = str::from_utf8(record) else { continue };
        let (key, value) = record.split_once('\n').unwrap_or((record, ""));
        let Some((name, variable)) = key.strip_prefix("submodule.").and_then(|key| key.rsplit_once('.'))
        else {
            continue;
        };
        let entry = entries.entry(name.to_owned()).or_default();
        name.clone_into(&mut entry.name);
        let value = Some(value.to_owned());
        match variable {
            "path" => entry.path = value,
            "url" => entry.url = value,
            "update" => entry.update = value,
            _ => {}
        }
    }
    entries.into_values().collect()
}

/// The paths of all of them, in order and each once.
pub(super) fn paths(entries: &[Entry]) -> Vec<String> {
    let mut paths: Vec<_> = entries.iter().filter_map(|entry| entry.path.clone()).collect();
    // A path that is none is not asked for; who names it is told.
    paths.retain(|path| crate::check::path::path("path", path).is_ok());
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// Reads `git ls-files --stage -z`: `<mode> <oid> <stage> TAB <path>`. Only submodules.
pub(super) fn links(exit: Option<&Exit>) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for record in exit.map_or(&[][..], |exit| &exit.stdout).split(|byte| *byte == 0) {
        let Some((entry, path)) = str::from_utf8(record).ok().and_then(|record| record.split_once('\t'))
        else {
            continue;
        };
        let Some(("160000", rest)) = entry.split_once(' ') else { continue };
        let Some((oid, stage)) = rest.split_once(' ') else { continue };
        let commit = Some(oid.to_owned()).filter(|oid| stage == "0" && is_oid(oid));
        if links.last().is_none_or(|last| last.path != path) {
            links.push(Link { path: path.to_owned(), commit });
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(stdout: &[u8]) -> Exit {
        Exit { stdout: stdout.to_vec(), ..Exit::default() }
    }

    #[test]
    fn a_name_may_have_dots_and_what_stands_last_counts() {
        let text = b"submodule.a.b.path\nx\0submodule.a.b.url\n1\0submodule.a.b.url\n2\0core.x\ny\0submodule.c.url\0";
        let entries = read(Some(&exit(text)));
        assert_eq!((entries[0].name.as_str(), entries[0].url.as_deref()), ("a.b", Some("2")));
        assert_eq!((entries.len(), paths(&entries)), (2, vec!["x".to_owned()]));
    }

    #[test]
    fn only_submodules_are_read_and_one_in_conflict_has_no_commit() {
        let [a, b] = ["a", "b"].map(|digit| digit.repeat(40));
        let text = format!("100644 {a} 0\tf\x00160000 {a} 0\ts\x00160000 {a} 1\tt\x00160000 {b} 2\tt\x00");
        let links = links(Some(&exit(text.as_bytes())));
        let told: Vec<_> = links.iter().map(|link| (link.path.as_str(), link.commit.is_some())).collect();
        assert_eq!(told, [("s", true), ("t", false)]);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for bytes in crate::git::noise::noise(1000, b"submodule.path\n\0\t160000 a\xff") {
            paths(&read(Some(&exit(&bytes))));
            links(Some(&exit(&bytes)));
        }
    }
}
