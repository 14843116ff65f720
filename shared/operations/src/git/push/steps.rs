//! The scripts of a push. Each is one round trip.

use super::Push;
use crate::clean_room;
use crate::git::integrate::{self, Join};
use crate::git::room::{self, Fetching};
use crate::git::script::Script;
use crate::git::{conflict, staging, workspace};
use crate::{Context, Remote, Step};

/// Commits if asked, and learns what is here and what the remote has. `branch`: the remote's branch, if it
/// is known before HEAD was looked at.
pub(super) fn prepare(push: &Push, context: &Context<'_>, remote: &Remote) -> Script {
    let script = Script::default()
        .step("branch", Step::git(["symbolic-ref", "--quiet", "HEAD"]))
        .step("before", Step::git(["rev-parse", "--verify", "--quiet", "HEAD"]).may_fail());
    let script = match &push.commit_message {
        Some(message) => script
            .step("add", staging::add_step(&push.files, push.files.is_empty()))
            .step("unmerged", conflict::refuse_step())
            .step("staged", staging::staged_step())
            .step("commit", staging::commit_step(message, false).may_fail()),
        None => script.step("unmerged", conflict::refuse_step()),
    };
    let script =
        room::open(script.step("head", Step::git(["rev-parse", "--verify", "--quiet", "HEAD"])), context);
    // Which branch it is, is only known when HEAD has been read; the workspace's own is the likely one.
    let guess = format!("refs/heads/{}", guess(push, context));
    let tracking = format!("refs/remotes/origin/{}", guess.trim_start_matches("refs/heads/"));
    script
        .step("known", Step::git(["rev-parse", "--verify", "--quiet", &tracking]).may_fail())
        .step("ahead", Step::git(["merge-base", "--is-ancestor", &tracking, "HEAD"]).may_fail())
        .step("tip", room::ls_remote(context, remote, &[&guess]))
}

/// The branch that is probably pushed to.
pub(super) fn guess<'a>(push: &'a Push, context: &'a Context<'_>) -> &'a str {
    let agents = context.workspace.map_or("", |opened| opened.branch.as_str());
    push.branch.as_deref().unwrap_or(agents)
}

/// Asks for another branch's tip, where the guess was wrong.
pub(super) fn tip(context: &Context<'_>, remote: &Remote, target: &str) -> Script {
    let tracking = format!("refs/remotes/origin/{target}");
    room::open(Script::default(), context)
        .step("known", Step::git(["rev-parse", "--verify", "--quiet", &tracking]).may_fail())
        .step("ahead", Step::git(["merge-base", "--is-ancestor", &tracking, "HEAD"]).may_fail())
        .step("tip", room::ls_remote(context, remote, &[&format!("refs/heads/{target}")]))
}

/// Fetches the remote's branch and puts the own commits on top of it.
/// `whole`: with everything that the clone's filter left out.
pub(super) fn integrate(context: &Context<'_>, remote: &Remote, target: &str, whole: bool) -> Script {
    let options = whole.then(|| integrate::EVERYTHING.to_owned()).into_iter().collect();
    let script = room::open(integrate::clean_steps(Script::default()), context);
    let refspecs = vec![format!("+refs/heads/{target}:refs/heads/{target}")];
    let script = room::fetch(script, context, remote, &Fetching { refspecs, options, named: None });
    let onto = format!("refs/remotes/origin/{target}");
    let script = room::carry(script, context)
        .step("theirs", Step::git(["rev-parse", "--verify", "--quiet", &onto]))
        .step("before", workspace::head_step());
    integrate::steps(script, Join::Rebase, &onto, false)
}

/// Pushes one object id to one reference, if that is still `old`. What is pushed builds upon `old`; were it
/// otherwise, the plan ends before anything is sent.
pub(super) fn push(
    context: &Context<'_>,
    remote: &Remote,
    target: &str,
    old: Option<&str>,
    new: &str,
) -> Script {
    let reference = format!("refs/heads/{target}");
    let lease = format!("--force-with-lease={reference}:{}", old.unwrap_or_default());
    let argv = ["push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed", &lease];
    let send = clean_room::git(context, remote, argv).with([
        "--end-of-options",
        remote.url(),
        &format!("{new}:{reference}"),
    ]);
    let builds_upon = old.map(|old| Step::git(["merge-base", "--is-ancestor", old, new]));
    room::open(Script::default(), context)
        .maybe("builds-upon", builds_upon)
        .step("push", send)
        .step("known", Step::git(["update-ref", &format!("refs/remotes/origin/{target}"), new]).may_fail())
}
