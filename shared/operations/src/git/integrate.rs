//! Joining the remote's commits with the workspace's: shared by `pull` and `push`. Local, no credential.

use gitledger_events::operation::SideEffect;

use super::script::Script;
use super::{conflict, workspace};
use crate::failure::{classify_exit, codes};
use crate::{Exit, Exits, Failure, Step};

/// How two histories are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// Our commits are made again on top of theirs.
    Rebase,
    /// One commit with two parents, or a fast-forward.
    Merge,
}

/// Ends the plan with 1 where changes that are not committed would be in the way.
pub(crate) fn clean_steps(script: Script) -> Script {
    script
        .step("refresh", Step::git(["update-index", "-q", "--refresh"]).may_fail())
        .step("clean", Step::git(["diff-index", "--quiet", "--ignore-submodules=dirty", "HEAD", "--"]))
}

/// Joins; lists what does not fit; takes everything back in the same plan unless `keep`, so that no
/// workspace is left half joined. Taking back fails where there is nothing to take back.
pub(crate) fn steps(script: Script, join: Join, onto: &str, keep: bool) -> Script {
    let script =
        script.step("join", join_step(join, onto).may_fail()).step("conflicts", conflict::list_step());
    let script = if keep { script } else { script.step("abort", abort_step(join)) };
    script.step("joined", workspace::head_step())
}

/// A rebase, but for what is put where. Every flag stands here because the workspace's configuration could
/// say otherwise.
pub(crate) const REBASE: [&str; 13] = [
    "rebase",
    "--quiet",
    "--merge",
    "--no-autostash",
    "--no-autosquash",
    "--no-fork-point",
    "--no-gpg-sign",
    "--no-rebase-merges",
    "--no-stat",
    "--no-update-refs",
    "--no-verify",
    "--empty=drop",
    "--no-rerere-autoupdate",
];

fn join_step(join: Join, onto: &str) -> Step {
    match join {
        Join::Rebase => Step::git(REBASE).with(["--end-of-options", onto]),
        // Here too.
        Join::Merge => Step::git([
            "merge",
            "--quiet",
            "--no-edit",
            "--commit",
            "--ff",
            "--no-autostash",
            "--no-gpg-sign",
            "--no-log",
            "--no-signoff",
            "--no-squash",
            "--no-stat",
            "--no-verify",
            "--no-verify-signatures",
            "--end-of-options",
            onto,
        ]),
    }
}

/// Puts the workspace back to where it was before the join.
pub(crate) fn abort_step(join: Join) -> Step {
    match join {
        Join::Rebase => Step::git(["rebase", "--abort"]).may_fail(),
        Join::Merge => Step::git(["merge", "--abort"]).may_fail(),
    }
}

/// True when it failed for want of objects that the clone's filter left out, and could be taken back. Then
/// it is done once more, with everything fetched.
pub(crate) fn lacks_objects(script: &Script, exits: &Exits) -> bool {
    let lacks = |exit: &Exit| {
        let failure = || classify_exit(exit, SideEffect::None);
        // The other is said of a thin pack, whose bases the filter left out.
        !exit.ok()
            && (failure().code == codes::LAZY_FETCH_FAILED || exit.error_text().contains("unresolved delta"))
    };
    let join = || as_it_was(script, exits) && script.exit(exits, "join").is_some_and(lacks);
    script.exit(exits, "fetch").is_some_and(lacks) || join()
}

/// The option of that second fetch.
pub(crate) const EVERYTHING: &str = "--refetch";

/// What came of [`steps`].
pub(crate) struct Joined {
    /// What did not fit; empty when all did.
    pub(crate) conflicts: Vec<conflict::Conflict>,
    /// HEAD afterwards.
    pub(crate) head: workspace::Head,
    /// False when git refused for another reason than a conflict.
    pub(crate) done: bool,
}

/// Why git refused, where no file was in the way. Taking it back may have failed too, in a damaged workspace.
pub(crate) fn refused(script: &Script, exits: &Exits) -> Failure {
    let exit = script.exit(exits, "join").cloned().unwrap_or_default();
    classify_exit(&exit, if as_it_was(script, exits) { SideEffect::None } else { SideEffect::Unknown })
}

fn as_it_was(script: &Script, exits: &Exits) -> bool {
    let head = |name| workspace::head(script, exits, name);
    head("before") == head("joined")
}

/// Reads the exits of [`steps`].
pub(crate) fn read(script: &Script, exits: &Exits) -> Joined {
    Joined {
        conflicts: conflict::read(script.exit(exits, "conflicts")),
        head: workspace::head(script, exits, "joined"),
        done: script.ok(exits, "join"),
    }
}
