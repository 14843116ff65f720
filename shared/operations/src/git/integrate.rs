//! Joining the remote's commits with the workspace's: shared by `pull` and `push`. Local, no credential.

use gitledger_events::operation::SideEffect;

use super::script::Script;
use super::{conflict, workspace};
use crate::failure::classify_exit;
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

/// True when it failed for want of objects that the clone's filter left out. Then it is done once more,
/// with everything fetched.
pub(crate) fn lacks_objects(script: &Script, exits: &Exits) -> bool {
    let said = ["promisor remote", "lazy fetching disabled", "unresolved delta"];
    let lacks = |exit: &Exit| !exit.ok() && said.iter().any(|words| exit.error_text().contains(words));
    ["fetch", "join"].iter().any(|name| script.exit(exits, name).is_some_and(lacks))
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
    let head = |name| workspace::head(script, exits, name);
    let as_it_was = head("before") == head("joined");
    classify_exit(&exit, if as_it_was { SideEffect::None } else { SideEffect::Unknown })
}

/// Reads the exits of [`steps`].
pub(crate) fn read(script: &Script, exits: &Exits) -> Joined {
    Joined {
        conflicts: conflict::read(script.exit(exits, "conflicts")),
        head: workspace::head(script, exits, "joined"),
        done: script.ok(exits, "join"),
    }
}
