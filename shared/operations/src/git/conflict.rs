//! Conflicts, read from the index's stages and never from what git says.

use std::collections::BTreeMap;

use gitledger_events::operation::ConflictDetected;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Exit, Step};

/// No more conflicts are told of one join: an event has a limit, and nobody reads more.
const TOLD_MAX: usize = 200;
/// Nor more bytes of paths. An event may have 256 KiB, and JSON can make six bytes of one.
const TOLD_PATHS_BYTES: usize = 32 << 10;

/// A file that git could not join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    /// Relative to the workspace.
    pub path: String,
    /// The two letters of git's index: `UU` both changed, `AA` both added, `DU` and `UD` deleted on one
    /// side, `AU` and `UA` added on one side, `DD` both deleted.
    pub kind: String,
}

/// Lists the index's unmerged entries.
pub(crate) fn list_step() -> Step {
    Step::git(["ls-files", "--unmerged", "-z"]).may_fail()
}

/// Fails with 1 when the index has unmerged entries.
pub(crate) fn refuse_step() -> Step {
    Step::git(["diff-files", "--quiet", "--diff-filter=U"])
}

/// Reads what [`list_step`] printed: `<mode> <oid> <stage>\t<path>`, NUL after each.
pub(crate) fn read(exit: Option<&Exit>) -> Vec<Conflict> {
    let mut stages: BTreeMap<String, u8> = BTreeMap::new();
    for record in exit.map_or(&[][..], |exit| &exit.stdout).split(|byte| *byte == 0) {
        let record = String::from_utf8_lossy(record);
        let Some((entry, path)) = record.split_once('\t') else { continue };
        let bit = match entry.rsplit(' ').next() {
            Some("1") => 1,
            Some("2") => 2,
            Some("3") => 4,
            _ => continue,
        };
        *stages.entry(path.to_owned()).or_default() |= bit;
    }
    stages.into_iter().map(|(path, bits)| Conflict { path, kind: kind(bits).to_owned() }).collect()
}

/// Bit 1: a base; 2: ours; 4: theirs.
fn kind(stages: u8) -> &'static str {
    match stages {
        1 => "DD",
        2 => "AU",
        3 => "UD",
        4 => "UA",
        5 => "DU",
        6 => "AA",
        _ => "UU",
    }
}

/// The first of them, as many as an event has room for.
pub(crate) fn told(conflicts: &[Conflict]) -> &[Conflict] {
    let mut bytes = 0;
    let fits = |conflict: &&Conflict| {
        bytes += conflict.path.len();
        bytes <= TOLD_PATHS_BYTES
    };
    let count = conflicts.iter().take(TOLD_MAX).take_while(fits).count();
    &conflicts[..count]
}

/// The event of these conflicts; they are those of [`told`].
pub(crate) fn detected(conflicts: &[Conflict]) -> ConflictDetected {
    ConflictDetected {
        paths: conflicts.iter().map(|conflict| conflict.path.clone()).collect(),
        kinds: conflicts.iter().map(|conflict| conflict.kind.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stages_of_a_path_make_its_kind() {
        let stdout = b"100644 aa 1\tf\x00100644 bb 2\tf\x00100644 cc 3\tf\x00100644 aa 1\tg\tx\x00100644 bb 3\tg\tx\x00";
        let read = read(Some(&Exit { stdout: stdout.to_vec(), ..Exit::default() }));
        let pairs: Vec<_> = read.iter().map(|c| (c.path.as_str(), c.kind.as_str())).collect();
        assert_eq!(pairs, [("f", "UU"), ("g\tx", "DU")]);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for stdout in crate::git::noise::noise(1000, b"123 \t\0f\xff") {
            read(Some(&Exit { stdout, ..Exit::default() }));
        }
    }
}
