//! The scripts of a push. Each is one round trip.

use super::wish::{Change, Source, Wish};
use crate::clean_room;
use crate::git::integrate::{self, Join};
use crate::git::room::{self, Fetching};
use crate::git::script::Script;
use crate::git::{conflict, staging, workspace};
use crate::{Context, Remote, Step};

/// Commits if asked, and learns what is here and what the remote has. `guess`: the remote's reference, as
/// far as it is known before HEAD was looked at.
pub(super) fn prepare(wish: &Wish<'_>, context: &Context<'_>, remote: &Remote, guess: &str) -> Script {
    let dry = context.envelope.dry_run;
    let script = here(wish, dry);
    let script = room::open(script, context);
    if wish.fetches && !dry {
        let refspecs = vec!["+refs/heads/*:refs/heads/*".to_owned()];
        let fetching = Fetching { refspecs, ..Fetching::default() };
        let script = room::carry(room::fetch(script, context, remote, &fetching), context);
        // As `ls-remote` prints it.
        let list = ["for-each-ref", "--format=%(objectname)%09%(refname)", guess];
        return known(script, guess).step("tip", room::local(context, list));
    }
    known(script, guess).step("tip", room::ls_remote(context, remote, &[guess]))
}

/// What is to be sent, from the workspace.
fn here(wish: &Wish<'_>, dry: bool) -> Script {
    let before = Step::git(["rev-parse", "--verify", "--quiet", "HEAD"]).may_fail();
    let script = match &wish.source {
        Source::Nothing => return Script::default().step("before", before),
        Source::Revision(name) => {
            let tag = name.starts_with("refs/tags/");
            let name = if tag { name.to_string() } else { format!("{name}^{{commit}}") };
            let verify = ["rev-parse", "--verify", "--quiet", "--end-of-options", &name];
            return Script::default().step("before", before).step("source", Step::git(verify));
        }
        Source::Head => Script::default()
            .step("branch", Step::git(["symbolic-ref", "--quiet", "HEAD"]))
            .step("before", before),
    };
    let script = match wish.commit {
        Some((message, files)) if !dry => script
            .step("add", staging::add_step(files, files.is_empty()))
            .step("unmerged", conflict::refuse_step())
            .step("staged", staging::staged_step())
            .step("commit", staging::commit_step(message, false).may_fail()),
        Some((_, files)) => script.step("unmerged", conflict::refuse_step()).step("changes", changes(files)),
        None => script.step("unmerged", conflict::refuse_step()),
    };
    script.step("source", Step::git(["rev-parse", "--verify", "--quiet", "HEAD"]))
}

/// Prints what a commit would take in; nothing when there is nothing to commit.
fn changes(files: &[String]) -> Step {
    let argv = ["--no-optional-locks", "status", "--porcelain", "-z", "--no-renames", "--"];
    Step::git(argv).with(files.iter().cloned()).may_fail()
}

/// What the workspace knows of the reference, and whether HEAD builds upon that.
fn known(script: Script, reference: &str) -> Script {
    let Some(tracking) = tracking(reference) else { return script };
    script
        .step("known", Step::git(["rev-parse", "--verify", "--quiet", &tracking]).may_fail())
        .step("ahead", Step::git(["merge-base", "--is-ancestor", &tracking, "HEAD"]).may_fail())
}

/// The workspace's own note of where a branch of the remote is; it has none of tags.
pub(super) fn tracking(reference: &str) -> Option<String> {
    reference.strip_prefix("refs/heads/").map(|branch| format!("refs/remotes/origin/{branch}"))
}

/// Asks for another branch's tip, where the guess was wrong.
pub(super) fn tip(context: &Context<'_>, remote: &Remote, reference: &str) -> Script {
    known(room::open(Script::default(), context), reference)
        .step("tip", room::ls_remote(context, remote, &[reference]))
}

/// Fetches the remote's branch and puts the own commits on top of it.
/// `whole`: with everything that the clone's filter left out.
pub(super) fn integrate(context: &Context<'_>, remote: &Remote, reference: &str, whole: bool) -> Script {
    let options = whole.then(|| integrate::EVERYTHING.to_owned()).into_iter().collect();
    let script = room::open(integrate::clean_steps(Script::default()), context);
    let refspecs = vec![format!("+{reference}:{reference}")];
    let script = room::fetch(script, context, remote, &Fetching { refspecs, options, named: None });
    let onto = tracking(reference).unwrap_or_default();
    let script = room::carry(script, context)
        .step("theirs", Step::git(["rev-parse", "--verify", "--quiet", &onto]))
        .step("before", workspace::head_step());
    integrate::steps(script, Join::Rebase, &onto, false)
}

/// Pushes one object id to one reference, if that is still `old`. Unless it is forced, what is pushed builds
/// upon `old`; were it otherwise, the plan ends before anything is sent. Without `new` the reference is
/// taken away.
pub(super) fn push(
    wish: &Wish<'_>,
    context: &Context<'_>,
    remote: &Remote,
    reference: &str,
    old: Option<&str>,
    new: Option<&str>,
) -> Script {
    let lease = format!("--force-with-lease={reference}:{}", old.unwrap_or_default());
    let argv = ["push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed", &lease];
    let refspec = format!("{}:{reference}", new.unwrap_or_default());
    let send =
        clean_room::git(context, remote, argv).with(["--end-of-options", remote.url(), refspec.as_str()]);
    let builds_upon = match (wish.change(), old, new) {
        (Change::Forward, Some(old), Some(new)) => Some(Step::git(["merge-base", "--is-ancestor", old, new])),
        _ => None,
    };
    let note = tracking(reference).map(|tracking| match new {
        Some(new) => Step::git(["update-ref", &tracking, new]).may_fail(),
        None => Step::git(["update-ref", "-d", &tracking]).may_fail(),
    });
    room::open(Script::default(), context)
        .maybe("builds-upon", builds_upon)
        .step("push", send)
        .maybe("known", note)
}

/// What would be sent: whether it builds upon what is there, and the commits that the reference would gain.
pub(super) fn preview(old: Option<&str>, new: &str, shown_max: usize) -> Script {
    let gained = match old {
        Some(old) => vec![new.to_owned(), format!("^{old}")],
        None => [new, "--not", "--remotes=origin"].map(str::to_owned).to_vec(),
    };
    let list = |option: &str| {
        Step::git(["rev-list", "--topo-order", option]).with(gained.iter().cloned()).with(["--"]).may_fail()
    };
    let max = format!("--max-count={shown_max}");
    Script::default()
        .maybe("ahead", old.map(|old| Step::git(["merge-base", "--is-ancestor", old, new]).may_fail()))
        .step("count", list("--count"))
        .step("commits", list(&max))
}
