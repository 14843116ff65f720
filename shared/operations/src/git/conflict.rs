//! Conflicts, read from the index's stages and never from what git says.

pub(crate) mod contents;
pub(crate) mod hunks;

use std::collections::BTreeMap;

use gitledger_events::operation::{ConflictDetected, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::unfinished::State;
use crate::failure::codes;
use crate::{Exit, Failure, Step};

/// No more conflicts are told of one join: an event has a limit, and nobody reads more.
const TOLD_MAX: usize = 200;
/// Nor more bytes of paths. An event may have 256 KiB, and JSON can make six bytes of one.
const TOLD_PATHS_BYTES: usize = 32 << 10;

/// A file that git could not join. A rename on both sides makes several: one for each name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    /// Relative to the workspace.
    pub path: String,
    /// The two letters of git's index: `UU` both changed, `AA` both added, `DU` and `UD` deleted on one
    /// side, `AU` and `UA` added on one side, `DD` both deleted.
    pub kind: String,
    /// The file in the commit that both sides come from; left out where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<ConflictSide>,
    /// The file on our side: HEAD, or in a rebase what the commits are put on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<ConflictSide>,
    /// The file on their side: what is merged in, or the commit that is put on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theirs: Option<ConflictSide>,
}

/// A file on one side of a conflict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConflictSide {
    /// Its contents' object id; of a submodule its commit.
    pub oid: String,
    /// git's mode: `100644` a file, `100755` one that may be run, `120000` a symbolic link, `160000` a
    /// submodule.
    pub mode: String,
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
    let bytes = exit.map_or(&[][..], |exit| &exit.stdout);
    // A cut text loses its last record.
    let whole = bytes.iter().rposition(|byte| *byte == 0).unwrap_or(0);
    of_records(bytes[..whole].split(|byte| *byte == 0))
}

/// Reads `<mode> <oid> <stage>\t<path>` of every stage of every path.
pub(crate) fn of_records<'a>(records: impl Iterator<Item = &'a [u8]>) -> Vec<Conflict> {
    let mut paths: BTreeMap<String, [Option<ConflictSide>; 3]> = BTreeMap::new();
    for record in records {
        let record = String::from_utf8_lossy(record);
        let Some((entry, path)) = record.split_once('\t') else { continue };
        let mut fields = entry.split(' ');
        let (Some(mode), Some(oid)) = (fields.next(), fields.next()) else { continue };
        let stage = match fields.next() {
            Some("1") => 0,
            Some("2") => 1,
            Some("3") => 2,
            _ => continue,
        };
        let side = ConflictSide { oid: oid.to_owned(), mode: mode.to_owned() };
        paths.entry(path.to_owned()).or_default()[stage] = Some(side);
    }
    paths.into_iter().map(|(path, sides)| Conflict::of(path, sides)).collect()
}

impl Conflict {
    /// A path with its sides: base, ours, theirs.
    pub(crate) fn of(path: String, sides: [Option<ConflictSide>; 3]) -> Self {
        let [base, ours, theirs] = sides;
        let kind = match (&base, &ours, &theirs) {
            (Some(_), None, None) => "DD",
            (None, Some(_), None) => "AU",
            (Some(_), Some(_), None) => "UD",
            (None, None, Some(_)) => "UA",
            (Some(_), None, Some(_)) => "DU",
            (None, Some(_), Some(_)) => "AA",
            _ => "UU",
        };
        Self { path, kind: kind.to_owned(), base, ours, theirs }
    }

    /// The sides that have the file.
    pub(crate) fn sides(&self) -> impl Iterator<Item = &ConflictSide> {
        [&self.base, &self.ours, &self.theirs].into_iter().flatten()
    }

    /// What can be done about it, for people.
    pub(crate) fn advice(&self) -> &'static str {
        match self.kind.as_str() {
            "AA" => "Both sides added it: take `ours`, `theirs` or `union`, choose per hunk, or write it.",
            "DD" => "Both sides removed or renamed it: `delete` it, and look at the other names.",
            "AU" => "Only our side has it under this name: keep it with `ours`, or `delete` it.",
            "UA" => "Only their side has it under this name: keep it with `theirs`, or `delete` it.",
            "DU" => "We deleted it, they changed it: `delete` it, or keep it with `theirs`.",
            "UD" => "They deleted it, we changed it: `delete` it, or keep it with `ours`.",
            _ => "Both sides changed it: take `ours`, `theirs` or `union`, choose per hunk, or write it.",
        }
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

/// The failure of what did not fit together. `open` is what stays unfinished because of it.
pub(crate) fn failure(conflicts: &[Conflict], open: Option<&State>) -> Failure {
    let (count, files) = (conflicts.len(), if conflicts.len() == 1 { "file has" } else { "files have" });
    let end = open.map_or("nothing was changed".to_owned(), |state| {
        format!("the {} stays open, and they are marked in the files", state.kind.name())
    });
    let told = told(conflicts);
    let output = json!({
        "conflicts": told,
        "conflicts_total": count,
        "has_conflicts": true,
        "in_progress": open.map(|state| state.kind.name()),
        "progress": open.map(|state| &state.progress),
    });
    Failure {
        side_effect: if open.is_some() { SideEffect::Applied } else { SideEffect::None },
        output: Some(output),
        facts: vec![detected(told).into()],
        ..Failure::new(codes::MERGE_CONFLICT, format!("{count} {files} conflicts; {end}."))
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
        assert_eq!(read[0].theirs, Some(ConflictSide { oid: "cc".to_owned(), mode: "100644".to_owned() }));
        assert_eq!(read[1].ours, None);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for stdout in crate::git::noise::noise(1000, b"123 \t\0f\xff") {
            read(Some(&Exit { stdout, ..Exit::default() }));
        }
    }
}
