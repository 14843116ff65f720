//! What is not finished in a workspace, read from git's own state files and never from what git says.

use gitledger_events::operation::SideEffect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::room;
use crate::failure::{classify_exit, codes};
use crate::{Exit, Failure, Step, check};

/// What can be begun and not be finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Two histories are being joined.
    Merge,
    /// Commits are being made again on top of others.
    Rebase,
    /// Commits of elsewhere are being made again here.
    CherryPick,
    /// Commits are being taken back by new ones.
    Revert,
    /// A commit is being searched for. Nothing of ours begins, ends or minds it.
    Bisect,
}

impl Kind {
    /// The name on every surface, which is git's own for the command.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Rebase => "rebase",
            Self::CherryPick => "cherry-pick",
            Self::Revert => "revert",
            Self::Bisect => "bisect",
        }
    }
}

/// How far something unfinished has come. What does not apply is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Which commit is being put on, counted from 1; of a rebase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// How many commits there are; of a rebase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// How many commits are left, this one included; of a cherry-pick or revert of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// The commit on top of which the others are put; of a rebase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onto: Option<String>,
    /// The branch that is being rebased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit that is being merged, put on or taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// What is not finished, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// What.
    pub(crate) kind: Kind,
    /// How far.
    pub(crate) progress: Progress,
}

/// Their presence in `.git` is what is in the way of another beginning.
const MARKS: [(&str, Kind); 6] = [
    // A rebase stops on a pick and leaves both marks, so it comes first.
    ("rebase-merge", Kind::Rebase),
    ("rebase-apply", Kind::Rebase),
    ("MERGE_HEAD", Kind::Merge),
    ("CHERRY_PICK_HEAD", Kind::CherryPick),
    ("REVERT_HEAD", Kind::Revert),
    ("sequencer", Kind::CherryPick),
];

/// What is in them says how far it has come.
const FILES: [&str; 14] = [
    ".git/rebase-merge/head-name",
    ".git/rebase-merge/msgnum",
    ".git/rebase-merge/end",
    ".git/rebase-merge/onto",
    ".git/rebase-apply/head-name",
    ".git/rebase-apply/next",
    ".git/rebase-apply/last",
    ".git/rebase-apply/onto",
    ".git/REBASE_HEAD",
    ".git/MERGE_HEAD",
    ".git/CHERRY_PICK_HEAD",
    ".git/REVERT_HEAD",
    ".git/sequencer/todo",
    ".git/BISECT_LOG",
];

/// Fails with 1 when something is not finished, and prints what. One process when nothing is.
pub(crate) fn refuse_step() -> Step {
    let mut argv = vec!["find", ".git", "-maxdepth", "1", "("];
    for (index, (name, _)) in MARKS.iter().enumerate() {
        argv.extend(if index > 0 { &["-o", "-name"][..] } else { &["-name"][..] });
        argv.push(name);
    }
    argv.extend([")", "-print", "-exec", "false", "{}", "+"]);
    room::inside(argv)
}

/// The failure of [`refuse_step`].
pub(crate) fn refused(exit: Option<&Exit>) -> Failure {
    let exit = exit.cloned().unwrap_or_default();
    let text = exit.text();
    let found = |(mark, _): &&(&str, Kind)| text.lines().any(|line| line == format!(".git/{mark}"));
    let Some((_, kind)) = MARKS.iter().find(found) else {
        return classify_exit(&exit, SideEffect::None);
    };
    let name = kind.name();
    Failure {
        output: Some(json!({"in_progress": name})),
        ..Failure::new(codes::OPERATION_IN_PROGRESS, format!("A {name} is not finished."))
    }
}

/// Prints the state files that there are, each line after its name. Fails where one is missing, so nearly
/// always. A pipe or a device of such a name is left alone.
pub(crate) fn step() -> Step {
    let argv = ["grep", "-Hsa", "-m", "1000", "-D", "skip", "-d", "skip", "-e", "", "--"];
    room::inside(argv.into_iter().chain(FILES)).may_fail()
}

/// Reads what [`step`] printed.
pub(crate) fn read(exit: Option<&Exit>) -> Option<State> {
    let text = exit.map(Exit::text).unwrap_or_default();
    let all = |name: &str| {
        let name = format!(".git/{name}:");
        text.lines().filter_map(move |line| line.strip_prefix(&name).map(str::trim)).collect::<Vec<_>>()
    };
    let first = |name: &str| all(name).first().map(|line| (*line).to_owned());
    let oid = |name: &str| first(name).filter(|oid| check::reference::is_object_id(oid));
    let number = |name: &str| first(name).and_then(|line| line.parse().ok());
    for (folder, step, total) in [("rebase-merge", "msgnum", "end"), ("rebase-apply", "next", "last")] {
        let Some(head) = first(&format!("{folder}/head-name")) else { continue };
        let progress = Progress {
            step: number(&format!("{folder}/{step}")),
            total: number(&format!("{folder}/{total}")),
            onto: oid(&format!("{folder}/onto")),
            branch: head.strip_prefix("refs/heads/").map(str::to_owned),
            commit: oid("REBASE_HEAD"),
            ..Progress::default()
        };
        return Some(State { kind: Kind::Rebase, progress });
    }
    if first("MERGE_HEAD").is_some() {
        let progress = Progress { commit: oid("MERGE_HEAD"), ..Progress::default() };
        return Some(State { kind: Kind::Merge, progress });
    }
    let todo = all("sequencer/todo");
    let remaining = u64::try_from(todo.len()).ok().filter(|count| *count > 0);
    let of =
        |kind, commit| Some(State { kind, progress: Progress { remaining, commit, ..Progress::default() } });
    if first("CHERRY_PICK_HEAD").is_some() {
        of(Kind::CherryPick, oid("CHERRY_PICK_HEAD"))
    } else if first("REVERT_HEAD").is_some() {
        of(Kind::Revert, oid("REVERT_HEAD"))
    } else if let Some(next) = todo.first() {
        of(if next.starts_with("revert") { Kind::Revert } else { Kind::CherryPick }, None)
    } else if first("BISECT_LOG").is_some() {
        Some(State { kind: Kind::Bisect, progress: Progress::default() })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<State> {
        read(Some(&Exit { stdout: text.as_bytes().to_vec(), ..Exit::default() }))
    }

    #[test]
    fn a_rebase_that_stopped_on_a_pick_is_a_rebase() {
        let oid = "a".repeat(40);
        let text = format!(
            ".git/rebase-merge/head-name:refs/heads/x\n.git/rebase-merge/msgnum:2\n.git/rebase-merge/end:3\n\
             .git/rebase-merge/onto:{oid}\n.git/CHERRY_PICK_HEAD:{oid}\n"
        );
        let state = of(&text).unwrap();
        assert_eq!((state.kind, state.progress.step, state.progress.total), (Kind::Rebase, Some(2), Some(3)));
        assert_eq!((state.progress.branch.as_deref(), state.progress.onto), (Some("x"), Some(oid)));
    }

    #[test]
    fn a_revert_of_several_is_known_by_its_list_alone() {
        let state = of(".git/sequencer/todo:revert aa x\n.git/sequencer/todo:revert bb y\n").unwrap();
        assert_eq!((state.kind, state.progress.remaining), (Kind::Revert, Some(2)));
        assert_eq!(of(""), None);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for stdout in crate::git::noise::noise(1000, b".git/MERGE_HEAD:sequnctodrb-\n\xff") {
            let exit = Exit { stdout, ..Exit::default() };
            read(Some(&exit));
            refused(Some(&exit));
        }
    }
}
