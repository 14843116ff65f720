//! Steps in the clean room that several operations share: opening it, fetching, carrying over.
//!
//! The room is new in every plan, so it borrows not only the workspace's objects but what git needs to
//! know of them: where a shallow history ends, and which commits are there already.

use super::script::Script;
use crate::clean_room::{self, ROOM};
use crate::context::WORKSPACE;
use crate::plan::Input;
use crate::{Context, Remote, Step};

/// Where a plan keeps lists of references.
const HAVE: &str = "have";
const CARRIED: &str = "carried";
const GONE: &str = "gone";

/// git in the room without a credential.
pub(crate) fn local<I>(context: &Context<'_>, arguments: I) -> Step
where
    I: IntoIterator,
    I::Item: Into<String>,
{
    let fixed = [
        "env".to_owned(),
        format!("GIT_DIR={}", context.scratch(ROOM)),
        "GIT_OBJECT_DIRECTORY=.git/objects".to_owned(),
        "git".to_owned(),
    ];
    Step::new(WORKSPACE, fixed.into_iter().chain(arguments.into_iter().map(Into::into)))
}

/// Makes the room; the workspace must be there.
pub(crate) fn open(script: Script, context: &Context<'_>) -> Script {
    let room = context.scratch(ROOM);
    script
        .step("room", Step::new(".", ["git", "init", "--quiet", "--bare", "--template=", &room]))
        // Fails where the history is whole.
        .step("room-shallow", inside(["cp", ".git/shallow", &format!("{room}/shallow")]).may_fail())
}

/// Asks the remote for the tips of these references (full names, or `HEAD`).
pub(crate) fn ls_remote(context: &Context<'_>, remote: &Remote, names: &[&str]) -> Step {
    let mut argv = vec!["ls-remote", "--symref", "--end-of-options", remote.url()];
    argv.extend(names);
    clean_room::git(context, remote, argv)
}

/// What is fetched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fetching {
    /// From the remote to the room: `+refs/heads/*:refs/heads/*`.
    pub(crate) refspecs: Vec<String>,
    /// `--depth=1`, `--unshallow`, `--filter=blob:none`.
    pub(crate) options: Vec<String>,
    /// The remote's name in the room's own configuration, where it needs one; else the URL is used.
    pub(crate) named: Option<&'static str>,
}

/// Fetches into the workspace's objects. What the workspace has is not sent again.
pub(crate) fn fetch(script: Script, context: &Context<'_>, remote: &Remote, what: &Fetching) -> Script {
    let have = context.scratch(HAVE);
    let known = "--format=update refs/have/%(refname:lstrip=1) %(objectname)";
    let mut argv: Vec<String> =
        ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"].map(str::to_owned).to_vec();
    argv.extend(what.options.iter().cloned());
    argv.extend(["--end-of-options".to_owned(), what.named.unwrap_or(remote.url()).to_owned()]);
    argv.extend(what.refspecs.iter().cloned());
    let room = context.scratch(ROOM);
    script
        .step("have", Step::git(["for-each-ref", known]).writing(&have).may_fail())
        .step("seed", local(context, ["update-ref", "--stdin"]).reading(Input::File(have)).may_fail())
        .step("fetch", clean_room::git(context, remote, argv))
        // The boundary is renewed before any reference points beyond it.
        .step("unshallow", inside(["rm", "-f", ".git/shallow"]))
        .step("shallow", inside(["cp", &format!("{room}/shallow"), ".git/shallow"]).may_fail())
}

/// Forgets every branch of the remote that the workspace knew; [`carry`] puts those back that exist.
pub(crate) fn forget(script: Script, context: &Context<'_>) -> Script {
    let gone = context.scratch(GONE);
    let list = Step::git(["for-each-ref", "--format=delete %(refname)", "refs/remotes/origin/"]);
    script
        .step("gone", list.writing(&gone))
        .step("forget", Step::git(["update-ref", "--no-deref", "--stdin"]).reading(Input::File(gone)))
}

/// Carries the room's branches and tags over to the workspace, by a git without a credential.
pub(crate) fn carry(script: Script, context: &Context<'_>) -> Script {
    let carried = context.scratch(CARRIED);
    // One line of `update-ref` per reference; a tag keeps its name, a branch becomes origin's.
    let format = "--format=update %(if:equals=refs/tags)%(refname:rstrip=-2)%(then)%(refname)%(else)\
                  refs/remotes/origin/%(refname:lstrip=2)%(end) %(objectname)";
    script
        .step("list", local(context, ["for-each-ref", format, "refs/heads/", "refs/tags/"]).writing(&carried))
        .step("carry", Step::git(["update-ref", "--stdin"]).reading(Input::File(carried)))
}

/// A program in the workspace that is not git.
pub(crate) fn inside<I>(argv: I) -> Step
where
    I: IntoIterator,
    I::Item: Into<String>,
{
    Step::new(WORKSPACE, argv)
}
