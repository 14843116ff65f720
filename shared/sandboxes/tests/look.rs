//! The script that becomes git, in a real dash, without a sandbox around it.

#![allow(clippy::unwrap_used)] // a panic is the report of a test

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use gitledger_operations::plan::{Input, Plan, Step};
use gitledger_sandboxes::runner::look;
use tempfile::TempDir;

const NONCE: &str = "0123456789abcdef0123456789abcdef";
/// What is printed instead of running anything.
const UNUSUAL: &str = "\u{0}0123456789abcdef0123456789abcdef\n";
const PLAIN: &str = "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://h/r\n[branch \"main\"]\n\tmerge = refs/heads/main\n";

fn plan(step: Step) -> Plan {
    let timeout = Duration::from_secs(30);
    Plan { steps: vec![step], timeout, output_bytes: 100_000, ..Plan::default() }
}

/// A home whose workspace is a real repository with one commit and this configuration.
fn home(configuration: &str) -> TempDir {
    let home = TempDir::new().unwrap();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(arguments);
        let done = command.current_dir(home.path()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(done.unwrap().success(), "{arguments:?}");
    };
    git(&["init", "-q", "-b", "main", "workspace"]);
    git(&["-C", "workspace", "commit", "-q", "--allow-empty", "-m", "first"]);
    fs::write(home.path().join("workspace/.git/config"), configuration).unwrap();
    fs::write(home.path().join("workspace/new file"), "").unwrap();
    home
}

/// A directory with a `git` that tells its environment and its arguments.
fn telling_git(home: &Path) -> String {
    let bin = home.join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("git"), "#!/bin/sh\nenv\nprintf '<%s>' \"$@\"\n").unwrap();
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", bin.display())
}

/// Runs a plan as envd does: at home, the sandbox's environment below the plan's.
fn run(home: &Path, path: &str, sandbox_env: &[(&str, &str)], plan: &Plan) -> Output {
    let start = look(plan, NONCE, "test").unwrap().unwrap();
    let mut command = Command::new(&start.cmd);
    command.args(&start.args).env_clear().env("PATH", path).envs(sandbox_env.iter().copied());
    command.envs(start.envs).current_dir(home).stdin(Stdio::null()).output().unwrap()
}

fn real_path() -> String {
    std::env::var("PATH").unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_outputs_and_the_exit_code_are_gits_own() {
    let home = home(PLAIN);
    let looked = run(home.path(), &real_path(), &[], &plan(Step::git(["status", "--porcelain=v2", "-z"])));
    assert_eq!((looked.status.code(), text(&looked.stdout)), (Some(0), "? new file\0".into()), "{looked:?}");
    assert!(looked.stderr.is_empty());
    let refused = run(home.path(), &real_path(), &[], &plan(Step::git(["log", "nowhere", "--"])));
    assert_eq!(refused.status.code(), Some(128));
    assert!(text(&refused.stderr).starts_with("fatal: bad revision 'nowhere'"), "{refused:?}");
    assert!(refused.stdout.is_empty());
}

#[test]
fn only_the_plans_environment_reaches_git() {
    let home = home(PLAIN);
    let path = telling_git(home.path());
    let hostile = [
        ("GIT_DIR", "/evil"),
        ("http_proxy", "http://evil"),
        ("ENV", "/evil"),
        ("POSIXLY_CORRECT", "1"),
        ("BASH_FUNC_git%%", "() { echo evil; }"),
        ("CDPATH", "/"),
        ("IFS", "_"),
        ("GIT_TRACE", "1"),
        ("_x", "y"),
        ("NOTE", "a\nexport gl_keep='x'\nexport GIT_CONFIG_NOSYSTEM='0'\nexport TZ='x"),
    ];
    let plan =
        Plan { env: vec![("GIT_AUTHOR_NAME".into(), "one\ntwo".into())], ..plan(Step::git(["a b", "*"])) };
    let looked = run(home.path(), &path, &hostile, &plan);
    let told = text(&looked.stdout);
    let names: Vec<_> = told.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    for (name, _) in hostile {
        assert!(!names.contains(&name), "{name} got through: {told}");
    }
    for kept in
        ["GIT_AUTHOR_NAME=one\ntwo\n", "GIT_CONFIG_NOSYSTEM=1\n", "TZ=UTC\n", "GIT_OPTIONAL_LOCKS=0\n"]
    {
        assert!(told.contains(kept), "{kept} is missing: {told}");
    }
    let ceiling = format!("GIT_CEILING_DIRECTORIES={}\n", home.path().display());
    assert!(told.contains(&ceiling) && told.ends_with("<a b><*>"), "{told}");
}

#[test]
fn a_repository_that_may_run_a_command_is_left_to_the_whole_script() {
    for configuration in [
        "[filter \"x\"]\n\tclean = evil\n",
        "[core]\n\tbare = false\n[FILTER \"x\"]\n\tprocess = evil\n",
        "[core] bare = false\n [ filter \"x\"] clean = evil",
        "[\nfilter \"x\"]\n",
        "[merge \"x\"]\n\tdriver = evil\n",
        "[hook \"x\"]\n\tcommand = evil\n",
        "[Include]\n\tpath = /evil\n",
        "[includeIf \"gitdir:/\"]\n\tpath = /evil\n",
        "[extensions]\n\tworktreeConfig = true\n",
        "[core]\n\tworkTree = /evil\n",
        &format!("{}[filter \"late\"]\n", "# padding\n".repeat(300)),
    ] {
        let home = home(configuration);
        let looked = run(home.path(), &telling_git(home.path()), &[], &plan(Step::git(["status"])));
        assert_eq!(text(&looked.stderr), UNUSUAL, "{configuration:?}");
        assert!(looked.stdout.is_empty(), "{configuration:?}");
    }
}

#[test]
fn a_workspace_that_is_no_plain_repository_is_left_to_the_whole_script() {
    type Change = fn(&Path);
    let changes: [Change; 6] = [
        |home| fs::rename(home.join("workspace"), home.join("elsewhere")).unwrap(),
        |home| fs::remove_dir_all(home.join("workspace/.git")).unwrap(),
        |home| fs::remove_file(home.join("workspace/.git/config")).unwrap(),
        |home| fs::write(home.join("workspace/.git/commondir"), "/evil").unwrap(),
        |home| fs::write(home.join("workspace/.git/config.worktree"), "").unwrap(),
        |home| {
            fs::rename(home.join("workspace/.git"), home.join("g")).unwrap();
            symlink(home.join("g"), home.join("workspace/.git")).unwrap();
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let home = home(PLAIN);
        change(home.path());
        let looked = run(home.path(), &telling_git(home.path()), &[], &plan(Step::git(["status"])));
        assert_eq!(text(&looked.stderr), UNUSUAL, "change {number}: {looked:?}");
        assert!(looked.stdout.is_empty(), "change {number}");
    }
}

#[test]
fn what_does_more_than_look_is_not_run_so() {
    let git = || Step::git(["status"]);
    let more = [
        Plan { writes: true, ..plan(git()) },
        Plan { scratch: Some("/dev/shm/x".into()), ..plan(git()) },
        Plan { credential: Some("/dev/shm/x/c".into()), ..plan(git()) },
        Plan { steps: vec![git(), git()], ..plan(git()) },
        plan(git().reading(Input::Text("a".into()))),
        plan(git().writing("out")),
        plan(Step::new(".", ["git", "status"])),
        plan(Step::new("workspace", ["sh", "-c", "true"])),
    ];
    for plan in more {
        assert_eq!(look(&plan, NONCE, "t").unwrap().map(|start| start.cmd), None, "{plan:?}");
    }
}
