//! The steps of a clone.

use gitledger_events::operation::SideEffect;

use super::{Clone, config};
use crate::clean_room::{self, ROOM};
use crate::git::room::{self, Fetching, inside};
use crate::git::script::Script;
use crate::git::workspace::is_oid;
use crate::git::worktree;
use crate::plan::Upload;
use crate::{Context, Remote, Step};

/// What an unfinished operation leaves in `.git`, and what an agent may have put there to change what git
/// does.
const LEFTOVERS: &[&str] = &[
    "rebase-merge",
    "rebase-apply",
    "sequencer",
    "MERGE_HEAD",
    "MERGE_MODE",
    "MERGE_MSG",
    "AUTO_MERGE",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "BISECT_LOG",
    "hooks",
    "info",
    "worktrees",
];

/// Asks the remote for its branches. Needs no workspace.
pub(super) fn ask(context: &Context<'_>, remote: &Remote) -> Script {
    let made = Step::new(".", ["mkdir", "-p", "workspace/.git/objects"]);
    room::open(Script::default().step("folder", made), context)
        .step("tips", room::ls_remote(context, remote, &["HEAD", "refs/heads/*"]))
}

/// The configuration files.
pub(super) fn uploads(clone: &Clone, context: &Context<'_>, remote: &Remote) -> Vec<Upload> {
    let filter = clone.filter.as_deref();
    let room = filter.map(|filter| Upload {
        path: context.scratch("room-config"),
        bytes: config::room(remote, filter).into_bytes(),
    });
    std::iter::once(config(context, remote, &clone.agent_branch(), filter)).chain(room).collect()
}

/// The workspace's configuration file.
pub(in crate::git) fn config(
    context: &Context<'_>,
    remote: &Remote,
    branch: &str,
    filter: Option<&str>,
) -> Upload {
    let text = config::workspace(remote, branch, filter);
    Upload { path: context.scratch("config"), bytes: text.into_bytes() }
}

/// Fetches, then puts the workspace at the start. Works in a new folder and in an old workspace; there
/// nothing is touched before the fetch has succeeded.
pub(super) fn open(clone: &Clone, context: &Context<'_>, remote: &Remote, base: &str) -> Script {
    let room_config = clone.filter.as_ref().map(|_| {
        let config = format!("{}/config", context.scratch(ROOM));
        Step::new(".", ["cp".to_owned(), context.scratch("room-config"), config])
    });
    let script = room::open(folder(Script::default()), context).maybe("room-config", room_config);
    let script = room::fetch(script, context, remote, &fetching(clone, base));
    let script = room::forget(clean(script, context), context);
    let script = room::carry(script, context);
    let (start, in_room) = start(clone, base);
    let verify = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
    let script = script.step("start", Step::git(verify).with([format!("{start}^{{commit}}")]));
    let branch = clone.agent_branch();
    let script = if clone.filter.is_some() {
        checkout_in_room(script, context, remote, &in_room, &start, &branch)
    } else {
        let argv = ["switch", "--quiet", "--no-progress", "--no-track", "--discard-changes"];
        script.step("switch", Step::git(argv).with(["-C", &branch, &start]))
    };
    script
        .step("untracked", Step::git(["clean", "-ffdxq"]))
        .step("path", inside(["pwd", "-P"]))
        .step("head", Step::git(["rev-parse", "--is-shallow-repository", "HEAD"]))
}

/// A workspace whose first commit, on this branch, is still to come.
pub(in crate::git) fn open_empty(script: Script, context: &Context<'_>, branch: &str) -> Script {
    let branch = format!("refs/heads/{branch}");
    clean(folder(script), context)
        .step("head", Step::git(["symbolic-ref", "HEAD", &branch]))
        .step("branch", Step::git(["update-ref", "-d", &branch]).may_fail())
        .step("index", Step::git(["read-tree", "--empty"]))
        .step("untracked", Step::git(["clean", "-ffdxq"]))
        .step("path", inside(["pwd", "-P"]))
}

/// What a failure at this step leaves behind.
pub(super) fn touched(step: &str) -> SideEffect {
    let after = ["forget", "carry", "start", "checkout", "branch", "attach", "switch", "untracked"];
    if after.contains(&step) { SideEffect::Unknown } else { SideEffect::None }
}

fn folder(script: Script) -> Script {
    script
        .step("folder", Step::new(".", ["mkdir", "-p", "workspace"]))
        .step("init", inside(["git", "init", "--quiet", "--template=", "--initial-branch=main"]))
}

/// Takes away what earlier work left, configuration included.
fn clean(script: Script, context: &Context<'_>) -> Script {
    let leftovers = LEFTOVERS.iter().map(|name| format!(".git/{name}"));
    script
        .step("leftovers", inside(["rm", "-rf"]).with(leftovers))
        .step("worktrees", Step::new(".", ["rm", "-rf", worktree::FOLDER]))
        .step("config", inside(["cp", &context.scratch("config"), ".git/config"]))
}

fn fetching(clone: &Clone, base: &str) -> Fetching {
    let mut refspecs = match clone.depth() {
        Some(_) => vec![format!("+refs/heads/{base}:refs/heads/{base}")],
        None => vec!["+refs/heads/*:refs/heads/*".to_owned(), "+refs/tags/*:refs/tags/*".to_owned()],
    };
    match clone.revision.as_deref() {
        Some(oid) if is_oid(oid) => refspecs.push(format!("{oid}:refs/gitledger/start")),
        Some(tag) if clone.depth().is_some() => refspecs.push(format!("+refs/tags/{tag}:refs/tags/{tag}")),
        _ => {}
    }
    let depth = clone.depth().map(|depth| format!("--depth={depth}"));
    let filter = clone.filter.as_ref().map(|filter| format!("--filter={filter}"));
    let named = clone.filter.as_ref().map(|_| "origin");
    Fetching { refspecs, options: depth.into_iter().chain(filter).collect(), named }
}

/// Where the agent's branch starts: its name in the workspace, and in the room.
fn start(clone: &Clone, base: &str) -> (String, String) {
    match clone.revision.as_deref() {
        Some(oid) if is_oid(oid) => (oid.to_owned(), oid.to_owned()),
        Some(tag) => (format!("refs/tags/{tag}"), format!("refs/tags/{tag}")),
        None => (format!("refs/remotes/origin/{base}"), format!("refs/heads/{base}")),
    }
}

/// Files that the filter left out are fetched with the credential, so they are written by git in the room:
/// it knows no configuration and no filters of the workspace.
fn checkout_in_room(
    script: Script,
    context: &Context<'_>,
    remote: &Remote,
    in_room: &str,
    start: &str,
    branch: &str,
) -> Script {
    let mut checkout =
        clean_room::git(context, remote, ["read-tree", "-u", "--reset", &format!("{in_room}^{{commit}}")]);
    checkout.argv.splice(1..1, ["GIT_WORK_TREE=.", "GIT_INDEX_FILE=.git/index"].map(str::to_owned));
    let name = format!("refs/heads/{branch}");
    script
        .step("checkout", checkout)
        .step("branch", Step::git(["update-ref", &name, &format!("{start}^{{commit}}")]))
        .step("attach", Step::git(["symbolic-ref", "HEAD", &name]))
}
