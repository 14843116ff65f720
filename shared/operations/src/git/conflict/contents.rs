//! A conflict with its contents, from the index's stages: shared by `conflict-show` and `conflict-resolve`.

use super::hunks::{BASE, OURS, Piece, THEIRS};
use super::{Conflict, hunks};
use crate::git::script::Script;
use crate::plan::Input;
use crate::{Exit, Exits, Step};

/// What is looked at to tell whether a file is text; the same as git's.
const LOOKED_AT_BYTES: usize = 8000;

/// A conflict and what its sides contain.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    /// The file.
    pub(crate) conflict: Conflict,
    /// Base, ours, theirs. `None` where the side has no file, is a submodule, or is too large.
    pub(crate) texts: [Option<Vec<u8>>; 3],
    /// The differences from base to ours and to theirs, and from ours to theirs.
    edits: [Option<Vec<hunks::Edit>>; 3],
}

/// Why a conflict has no hunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHunks {
    /// A side has no file.
    SideMissing,
    /// A side is not text.
    Binary,
    /// A side is a submodule, or larger than what can be looked at.
    NotShown,
}

impl NoHunks {
    /// The name in answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SideMissing => "side-missing",
            Self::Binary => "binary",
            Self::NotShown => "not-shown",
        }
    }
}

/// Looks at the stages of one path, which was checked.
pub(crate) fn steps(script: Script, path: &str) -> Script {
    let all = format!(":1:{path}\n:2:{path}\n:3:{path}\n");
    script
        .step("stages", Step::git(["ls-files", "--unmerged", "-z", "--", path]))
        .step("contents", Step::git(["cat-file", "--batch"]).reading(Input::Text(all)).may_fail())
        .step("ours-edits", edits_step(path, 1, 2))
        .step("theirs-edits", edits_step(path, 1, 3))
        .step("sides-edits", edits_step(path, 2, 3))
}

/// With the algorithm of git's own merges. Fails where a stage is missing.
fn edits_step(path: &str, from: u8, to: u8) -> Step {
    let plain = ["--no-ext-diff", "--no-textconv", "--no-color", "--no-indent-heuristic", "--text"];
    let exact = ["--unified=0", "--inter-hunk-context=0", "--diff-algorithm=histogram"];
    Step::git(["diff"].into_iter().chain(plain).chain(exact))
        .with(["--ignore-submodules=none", "--submodule=short", "--end-of-options"])
        .with([format!(":{from}:{path}"), format!(":{to}:{path}")])
        .may_fail()
}

/// Reads what [`steps`] printed; `None` when the path has no conflict.
pub(crate) fn read(script: &Script, exits: &Exits, path: &str) -> Option<Contents> {
    let conflict =
        super::read(script.exit(exits, "stages")).into_iter().find(|conflict| conflict.path == path)?;
    let differences = |name: &str| {
        let exit = script.exit(exits, name).filter(|exit| exit.ok() && exit.omitted_bytes == 0)?;
        Some(hunks::edits(&exit.stdout))
    };
    Some(Contents {
        texts: batch(script.exit(exits, "contents")),
        edits: [differences("ours-edits"), differences("theirs-edits"), differences("sides-edits")],
        conflict,
    })
}

/// `<oid> <type> <size>`, the contents, a line end; or one line that says that there is nothing.
fn batch(exit: Option<&Exit>) -> [Option<Vec<u8>>; 3] {
    let mut rest = exit.map_or(&[][..], |exit| &exit.stdout);
    let mut next = || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let header = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 1..];
        let mut fields = header.rsplit(' ');
        let (Some(size), Some("blob")) = (fields.next()?.parse::<usize>().ok(), fields.next()) else {
            return None;
        };
        let contents = rest.get(..size).map(<[u8]>::to_vec);
        rest = rest.get(size.saturating_add(1)..).unwrap_or_default();
        contents
    };
    [next(), next(), next()]
}

impl Contents {
    /// The file joined as far as it fits, and the hunks where it does not.
    pub(crate) fn pieces(&self) -> Result<Vec<Piece>, NoHunks> {
        if self.conflict.ours.is_none() || self.conflict.theirs.is_none() {
            return Err(NoHunks::SideMissing);
        }
        if self.texts.iter().flatten().any(|text| is_binary(text)) {
            return Err(NoHunks::Binary);
        }
        let lines = |side: usize| self.texts[side].as_deref().map(hunks::lines);
        let (Some(ours), Some(theirs)) = (lines(OURS), lines(THEIRS)) else {
            return Err(NoHunks::NotShown);
        };
        if self.conflict.base.is_none() {
            let differences = self.edits[2].as_ref().ok_or(NoHunks::NotShown)?;
            return Ok(hunks::compare(&ours, differences));
        }
        match (lines(BASE), &self.edits) {
            (Some(base), [Some(one), Some(other), _]) => Ok(hunks::join([&base, &ours, &theirs], one, other)),
            _ => Err(NoHunks::NotShown),
        }
    }

    /// The lines of a side; none where there is nothing to show.
    pub(crate) fn lines(&self, side: usize) -> Vec<&[u8]> {
        self.texts[side].as_deref().map(hunks::lines).unwrap_or_default()
    }
}

/// Has a NUL byte near its beginning.
pub(crate) fn is_binary(text: &[u8]) -> bool {
    text.iter().take(LOOKED_AT_BYTES).any(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_that_is_missing_or_cut_has_no_text() {
        let stdout = b"aa blob 3\na\nb\n:2:f missing\ncc blob 30\nshort".to_vec();
        let texts = batch(Some(&Exit { stdout, ..Exit::default() }));
        assert_eq!(texts, [Some(b"a\nb".to_vec()), None, None]);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for stdout in crate::git::noise::noise(1000, b"aa blob 0123456789\n:missing\xff") {
            batch(Some(&Exit { stdout, ..Exit::default() }));
        }
    }
}
