//! The steps for one submodule.

use super::admission::Job;
use super::inside;
use crate::clean_room::{self, ROOM};
use crate::git::room;
use crate::git::script::Script;
use crate::plan::{Input, Upload};
use crate::{Context, Step};

/// Prints `.gitmodules` as it is staged; fails where there is none.
pub(super) fn modules() -> Script {
    let list = ["config", "--no-includes", "-z", "--blob=:.gitmodules", "--list"];
    Script::default()
        .step("repository", Step::git(["rev-parse", "--git-dir"]))
        .step("modules", Step::git(list).may_fail())
}

/// Prints what is recorded at these paths.
pub(super) fn staged(paths: &[String]) -> Step {
    Step::git(["ls-files", "--stage", "-z", "--"]).with(paths.iter().cloned())
}

/// The submodule's own configuration, and the file that says where its repository is. They replace what
/// anybody may have written before.
pub(super) fn uploads(context: &Context<'_>, job: &Job) -> Vec<Upload> {
    let quoted = |value: &str| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\
         \tlogallrefupdates = true\n\tworktree = {worktree}\n[remote \"origin\"]\n\turl = {url}\n\
         \tfetch = +refs/heads/*:refs/remotes/origin/*\n",
        worktree = quoted(&format!("../../../{}", job.path)),
        url = quoted(job.remote.url()),
    );
    let above = "../".repeat(job.path.split('/').count());
    let link = format!("gitdir: {above}{}\n", job.git_dir());
    let file = |name: &str, text: String| Upload { path: context.scratch(name), bytes: text.into_bytes() };
    vec![file("config", config), file("link", link)]
}

/// Everything in one round trip. Nothing is written where a symbolic link leads elsewhere.
pub(super) fn update(context: &Context<'_>, job: &Job, depth: Option<u32>) -> Script {
    let git_dir = job.git_dir();
    let place = format!("./{}", job.path);
    let no_index = ["-maxdepth", "0", "-empty", "-exec", "rm", "-f", &format!("{git_dir}/index"), ";"];
    let script = Script::default()
        .step("safe", room::inside(safe(&job.path)))
        .step("folder", room::inside(["mkdir", "-p", &place, ".git/modules"]))
        .step("init", room::inside(["git", "init", "--quiet", "--bare", "--template=", &git_dir]))
        .step("config", room::inside(["cp", &context.scratch("config"), &format!("{git_dir}/config")]))
        // Where there are no files yet, all are written.
        .step("empty", room::inside(["find", &place]).with(no_index))
        .step("link", room::inside(["cp", &context.scratch("link"), &format!("{place}/.git")]));
    let name = &job.name;
    let note =
        |key: &str, value: &str| Step::git(["config", &format!("submodule.{name}.{key}"), value]).may_fail();
    fetched(script, context, job, depth)
        .step("before", inside(job, ["rev-parse", "--verify", "--quiet", "HEAD"]).may_fail())
        .step("switch", inside(job, ["switch", "--quiet", "--no-progress", "--detach"]).with([&job.commit]))
        .step("active", note("active", "true"))
        .step("url", note("url", job.remote.url()))
}

/// Fails where a part of the path is a symbolic link, or where a repository lies that is no submodule's.
fn safe(path: &str) -> Vec<String> {
    let mut argv = vec!["test".to_owned()];
    let mut part = ".".to_owned();
    for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
        part = format!("{part}/{name}");
        argv.extend(["!", "-L", &part, "-a"].map(str::to_owned));
    }
    part += "/.git";
    argv.extend(["!", "-L", &part, "-a", "!", "-d", &part].map(str::to_owned));
    argv
}

/// The recorded commit with its history, fetched in the room into the submodule's objects.
fn fetched(script: Script, context: &Context<'_>, job: &Job, depth: Option<u32>) -> Script {
    let git_dir = job.git_dir();
    let (room, have) = (context.scratch(ROOM), context.scratch("have"));
    let borrowing = |mut step: Step| {
        for argument in &mut step.argv {
            if argument.starts_with("GIT_OBJECT_DIRECTORY=") {
                *argument = format!("GIT_OBJECT_DIRECTORY={git_dir}/objects");
            }
        }
        step
    };
    let known = "--format=update refs/have/%(refname:lstrip=1) %(objectname)";
    let depth = depth.map(|depth| format!("--depth={depth}"));
    let refspec = format!("+{}:refs/gitledger/start", job.commit);
    let fetch =
        clean_room::git(context, &job.remote, ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"])
            .with(depth)
            .with(["--end-of-options", job.remote.url(), &refspec]);
    let seed = room::local(context, ["update-ref", "--stdin"]).reading(Input::File(have.clone()));
    let shallow = format!("{git_dir}/shallow");
    script
        .step("room", Step::new(".", ["git", "init", "--quiet", "--bare", "--template=", &room]))
        .step("room-shallow", room::inside(["cp", &shallow, &format!("{room}/shallow")]).may_fail())
        .step("have", inside(job, ["for-each-ref", known]).writing(&have).may_fail())
        .step("seed", borrowing(seed).may_fail())
        .step("fetch", borrowing(fetch))
        .step("unshallow", room::inside(["rm", "-f", &shallow]))
        .step("shallow", room::inside(["cp", &format!("{room}/shallow"), &shallow]).may_fail())
        // So that the next fetch knows what is here.
        .step("keep", inside(job, ["update-ref", "refs/gitledger/submodule", &job.commit]))
}
