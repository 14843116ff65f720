//! The script that runs a plan, in a real bash with a real git, without a sandbox around it.

#![allow(clippy::unwrap_used)] // a panic is the report of a test

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gitledger_operations::plan::{Ended, Exits, Input, Plan, Step};
use gitledger_sandboxes::SandboxError;
use gitledger_sandboxes::envd::End;
use gitledger_sandboxes::runner::{Decoder, Fence, encode, fenced};
use tempfile::TempDir;

const NONCE: &str = "0123456789abcdef0123456789abcdef";

fn plan(steps: Vec<Step>) -> Plan {
    Plan { steps, writes: true, timeout: Duration::from_secs(30), output_bytes: 100_000, ..Plan::default() }
}

fn sh(script: &str) -> Step {
    Step::new(".", ["sh", "-c", script])
}

/// Runs a plan as envd does, what writes behind a fence: at home, the sandbox's environment below the plan's.
fn run_in(home: &Path, sandbox_env: &[(&str, &str)], plan: &Plan) -> Result<Exits, SandboxError> {
    let mut start = encode(plan, NONCE, "test").unwrap();
    if plan.writes {
        start = fenced(start, "i0", NONCE, Fence { epoch: 1, line: "{}" });
    }
    let began = Instant::now();
    let output = Command::new(&start.cmd)
        .args(&start.args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs(sandbox_env.iter().copied())
        .envs(start.envs)
        .current_dir(home)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut decoder = Decoder::new(NONCE, plan.steps.len(), plan.output_bytes);
    decoder.stdout(&output.stdout);
    decoder.stderr(&output.stderr);
    decoder.finish(output.status.code().map_or(End::Signalled, End::Exited), began.elapsed())
}

fn run(steps: Vec<Step>) -> Exits {
    let home = TempDir::new().unwrap();
    run_in(home.path(), &[], &plan(steps)).unwrap()
}

fn stdouts(exits: &Exits) -> Vec<String> {
    exits.steps.iter().map(gitledger_operations::Exit::text).collect()
}

#[test]
fn each_step_has_its_own_output_byte_for_byte() {
    let exits = run(vec![
        sh(r"printf 'a\0b\0\377\n'; printf 'e\0' >&2"),
        sh("printf 'no newline'"),
        sh("true"),
        sh("head -c 70000 /dev/zero"),
    ]);
    assert_eq!(exits.steps[0].stdout, b"a\0b\0\xff\n");
    assert_eq!(exits.steps[0].stderr, b"e\0");
    assert_eq!(exits.steps[1].stdout, b"no newline");
    assert_eq!(exits.steps[2].stdout, b"");
    assert_eq!(exits.steps[3].stdout, vec![0; 70_000]);
    assert_eq!((exits.steps.len(), exits.ended), (4, Ended::Normally));
}

#[test]
fn a_large_output_is_cut_at_the_limit_and_counted() {
    let home = TempDir::new().unwrap();
    let plan = Plan {
        output_bytes: 1000,
        ..plan(vec![sh("head -c 3000000 /dev/zero | tr '\\0' x"), sh("echo ok")])
    };
    let exits = run_in(home.path(), &[], &plan).unwrap();
    assert_eq!(exits.steps[0].stdout.len(), 1000);
    assert_eq!(exits.steps[0].omitted_bytes, 2_999_000);
    assert_eq!(exits.steps[1].text(), "ok\n");
}

#[test]
fn a_step_cannot_forge_a_mark_it_does_not_know() {
    let exits = run(vec![sh(r"printf '\0%032d 0 1\n' 0; printf '\0' >&2; exit 3")]);
    assert_eq!(exits.steps.len(), 1);
    assert_eq!(exits.steps[0].code, 3);
    assert_eq!(exits.steps[0].stdout, format!("\0{} 0 1\n", "0".repeat(32)).as_bytes());
}

#[test]
fn the_first_failure_ends_the_plan_unless_the_step_may_fail() {
    let exits = run(vec![sh("exit 7").may_fail(), sh("echo on; exit 9"), sh("echo never")]);
    let codes: Vec<_> = exits.steps.iter().map(|exit| exit.code).collect();
    assert_eq!(codes, [7, 9]);
    assert_eq!(exits.ended, Ended::Normally);
}

#[test]
fn a_step_reads_exactly_what_it_is_given() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("in put"), b"from a file\0").unwrap();
    let cat = || Step::new(".", ["cat"]);
    let exits = run_in(
        home.path(),
        &[],
        &plan(vec![
            cat(),
            cat().reading(Input::Text("a 'b' \"c\" $d `e` \\n\n\nno newline".into())),
            cat().reading(Input::Text(String::new())),
            cat().reading(Input::Fields(vec!["a b".into(), String::new(), "-n".into()])),
            cat().reading(Input::Fields(vec![])),
            cat().reading(Input::File("in put".into())),
            // The code of the reader counts, and one that does not read is no failure.
            Step::new(".", ["sh", "-c", "cat >/dev/null; exit 5"])
                .reading(Input::Text("x".into()))
                .may_fail(),
            Step::new(".", ["true"]).reading(Input::Text("x".repeat(100_000))),
        ]),
    )
    .unwrap();
    let all = stdouts(&exits);
    assert_eq!(all[1], "a 'b' \"c\" $d `e` \\n\n\nno newline");
    assert_eq!((all[0].as_str(), all[2].as_str(), all[4].as_str()), ("", "", ""));
    assert_eq!(all[3], "a b\0\0-n\0");
    assert_eq!(all[5], "from a file\0");
    assert_eq!((exits.steps[6].code, exits.steps[7].code), (5, 0));
    assert_eq!(exits.steps[7].stderr, b"");
}

#[test]
fn a_step_writes_to_a_file_and_runs_in_its_directory() {
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join("a dir")).unwrap();
    let exits = run_in(
        home.path(),
        &[],
        &plan(vec![
            sh("echo kept").inside("a dir").writing("out"),
            sh("cat out").inside("a dir"),
            sh("echo x").writing("/nonexistent/out").may_fail(),
            sh("pwd"),
            sh("true").inside("missing"),
        ]),
    )
    .unwrap();
    assert_eq!((exits.steps[0].text(), exits.steps[1].text()), (String::new(), "kept\n".into()));
    assert_ne!(exits.steps[2].code, 0);
    assert_eq!(exits.steps[3].line(), home.path().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(exits.steps[4].code, 128);
    assert!(exits.steps[4].error_text().contains("cannot change to 'missing'"));
}

#[test]
fn only_the_plans_environment_reaches_a_step() {
    let home = TempDir::new().unwrap();
    let hostile = [
        ("GIT_DIR", "/evil"),
        ("http_proxy", "http://evil"),
        ("LD_SHOW_AUXV", "1"),
        ("BASH_ENV", "/evil"),
        ("SHELLOPTS", "xtrace"),
        ("POSIXLY_CORRECT", "1"),
        ("BASH_FUNC_git%%", "() { echo evil; }"),
        ("gl_argv", "evil"),
        ("CDPATH", "/"),
        ("GIT_TRACE", "1"),
        ("GIT_CONFIG_COUNT", "1"),
        ("_x", "y"),
    ];
    let plan = Plan {
        env: vec![("GIT_AUTHOR_NAME".into(), "agent one".into())],
        ..plan(vec![Step::new(".", ["env"]), Step::new(".", ["git", "--version"])])
    };
    let exits = run_in(home.path(), &hostile, &plan).unwrap();
    let text = exits.steps[0].text();
    let names: Vec<_> = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    for (name, _) in hostile {
        // A function that cannot be imported is passed on by bash, but nothing here runs by that name.
        assert!(name == "BASH_FUNC_git%%" || !names.contains(&name), "{name} got through");
    }
    assert!(text.contains("GIT_AUTHOR_NAME=agent one\n") && text.contains("GIT_CONFIG_PARAMETERS="));
    assert!(names.contains(&"PATH") && names.contains(&"GIT_CEILING_DIRECTORIES"));
    assert!(exits.steps[1].text().starts_with("git version"));
    assert_eq!(exits.steps[0].stderr, b"");
}

#[test]
fn the_scratch_directory_is_private_and_does_not_outlive_the_run() {
    let home = TempDir::new().unwrap();
    let scratch = home.path().join("scratch/here");
    for (last, timeout) in [("true", 30_000), ("exit 3", 30_000), ("sleep 20", 3_000)] {
        let show = Step::new(".", ["stat", "-c", "%a", scratch.to_str().unwrap()]);
        let plan = Plan {
            scratch: Some(scratch.to_str().unwrap().into()),
            timeout: Duration::from_millis(timeout),
            ..plan(vec![show, sh(last)])
        };
        let exits = run_in(home.path(), &[], &plan).unwrap();
        assert_eq!(exits.steps[0].line(), "700");
        assert!(!scratch.exists(), "after {last}");
    }
}

#[test]
fn what_takes_too_long_is_stopped_with_all_its_children() {
    let home = TempDir::new().unwrap();
    let began = Instant::now();
    let plan = Plan {
        timeout: Duration::from_secs(3),
        ..plan(vec![sh("echo first"), sh("echo half; sleep 60 & sleep 60"), sh("echo never")])
    };
    // The output pipes close only when the grandchildren are gone too, so this returns early or not.
    let exits = run_in(home.path(), &[], &plan).unwrap();
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(exits.ended, Ended::TimedOut);
    assert_eq!(stdouts(&exits), ["first\n", "half\n"]);
    assert_eq!(exits.steps[1].code, 124);
}

#[test]
fn a_killed_script_is_not_a_success() {
    let home = TempDir::new().unwrap();
    let exits = run_in(home.path(), &[], &plan(vec![sh("kill -9 $PPID; sleep 1")])).unwrap();
    assert_eq!(exits.ended, Ended::Killed);
}

fn git(home: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .args(["-C", "workspace", "-c", "user.name=a", "-c", "user.email=a@example.com"])
        .args(arguments)
        .current_dir(home)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "git {arguments:?}");
}

fn workspace() -> TempDir {
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join("workspace")).unwrap();
    git(home.path(), &["init", "-q", "-b", "main"]);
    fs::write(home.path().join("workspace/f"), "1\n2\n3\n4\n5\n").unwrap();
    git(home.path(), &["add", "f"]);
    git(home.path(), &["commit", "-q", "-m", "one"]);
    home
}

#[test]
fn stale_locks_are_removed_for_a_writer_and_left_alone_for_a_reader() {
    let home = workspace();
    let locks = [
        "index.lock",
        "HEAD.lock",
        "config.lock",
        "packed-refs.lock",
        "refs/heads/main.lock",
        "refs/heads/a/b/c.lock",
    ];
    fs::create_dir_all(home.path().join("workspace/.git/refs/heads/a/b")).unwrap();
    let paths: Vec<_> = locks.iter().map(|name| home.path().join("workspace/.git").join(name)).collect();
    for path in &paths {
        fs::write(path, "").unwrap();
    }
    let reader = Plan { writes: false, ..plan(vec![Step::git(["status", "--porcelain=2"])]) };
    assert!(run_in(home.path(), &[], &reader).unwrap().steps[0].ok());
    assert!(paths.iter().all(|path| path.exists()));
    let exits = run_in(home.path(), &[], &plan(vec![Step::git(["add", "f"])])).unwrap();
    assert!(exits.steps[0].ok(), "{}", exits.steps[0].error_text());
    assert!(paths.iter().all(|path| !path.exists()));
    assert!(home.path().join("workspace/.git/HEAD").exists());
}

/// The program named by hostile configurations: it leaves a trace.
fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A workspace whose own configuration names commands that leave a trace when they run. Two branches have
/// changed the same file, in places that git can join.
fn hostile(configuration: &str) -> (TempDir, PathBuf) {
    let home = workspace();
    let (fired, trap) = (home.path().join("fired"), home.path().join("trap"));
    executable(&trap, &format!("#!/bin/sh\necho \"$@\" >> {}\ncat\n", fired.display()));
    let file = home.path().join("workspace/f");
    let attributes = home.path().join("workspace/.git/info/attributes");
    fs::create_dir_all(attributes.parent().unwrap()).unwrap();
    fs::write(attributes, "* filter=evil merge=evil\n").unwrap();
    for (branch, text) in [("side", "1\n2\n3\n4\n5 side\n"), ("main", "1 main\n2\n3\n4\n5\n")] {
        git(home.path(), &["checkout", "-q", "-B", branch, "HEAD"]);
        fs::write(&file, text).unwrap();
        git(home.path(), &["commit", "-q", "-a", "-m", branch]);
        git(home.path(), &["checkout", "-q", "--detach", "HEAD~1"]);
    }
    git(home.path(), &["checkout", "-q", "main"]);
    let hook = home.path().join("workspace/.git/hooks/post-checkout");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    executable(&hook, &format!("#!/bin/sh\necho hook >> {}\n", fired.display()));
    let config = home.path().join("workspace/.git/config");
    let named = |text: &str| text.replace("TRAP", trap.to_str().unwrap());
    fs::write(home.path().join("workspace/inc"), named("[filter \"evil\"]\n clean = TRAP\n")).unwrap();
    let text = fs::read_to_string(&config).unwrap() + &named(configuration);
    fs::write(&config, text).unwrap();
    (home, fired)
}

/// Each fires in plain git: the last test here makes sure.
const HOSTILE: &[&str] = &[
    "[filter \"evil\"]\n clean = TRAP\n smudge = TRAP\n required = true\n",
    "[filter \"evil\"]\n process = TRAP\n[hook \"evil\"]\n command = TRAP\n event = post-checkout\n",
    "[merge \"evil\"]\n driver = TRAP %A\n",
    "[FILTER \"evil\"] clean = TRAP\n[mErge \"evil\"] driver = TRAP\n",
    "[filter.evil]\n\tSmudge = TRAP\n\tclean = TRAP\n",
    "# \0\n[include]\n path = ../inc\n",
    "[includeIf \"gitdir:**\"]\n path = ../inc\n",
];

fn provoke() -> Plan {
    let env = ["AUTHOR", "COMMITTER"].iter().flat_map(|who| {
        [(format!("GIT_{who}_NAME"), "a".into()), (format!("GIT_{who}_EMAIL"), "a@example.com".into())]
    });
    let steps = vec![
        sh("echo new > workspace/new"),
        Step::git(["add", "new"]),
        Step::git(["status", "--porcelain=2"]),
        Step::git(["diff", "--no-ext-diff", "--no-textconv", "HEAD"]),
        Step::git(["commit", "-q", "-m", "new"]),
        Step::git(["merge", "-q", "-m", "merge", "side"]),
        sh("cat workspace/f"),
        Step::git(["switch", "-q", "side"]),
    ];
    Plan { env: env.collect(), ..plan(steps) }
}

#[test]
fn commands_in_the_workspaces_configuration_do_not_run_and_the_merge_is_still_right() {
    for configuration in HOSTILE {
        let (home, fired) = hostile(configuration);
        let exits = run_in(home.path(), &[], &provoke()).unwrap();
        assert!(!fired.exists(), "{configuration:?} fired: {}", fs::read_to_string(&fired).unwrap());
        assert_eq!(exits.steps.len(), 8, "{configuration:?}: {exits:?}");
        assert!(exits.steps[7].ok(), "{configuration:?}: {exits:?}");
        assert_eq!(exits.steps[6].text(), "1 main\n2\n3\n4\n5 side\n", "neither side may be lost");
    }
}

#[test]
fn a_conflict_stays_a_conflict_when_a_driver_was_overruled() {
    let (home, fired) = hostile("[merge \"evil\"]\n driver = TRAP %A\n");
    let mut plan = provoke();
    plan.steps.truncate(1);
    plan.steps.extend([
        sh("echo other > workspace/f"),
        Step::git(["commit", "-q", "-a", "-m", "other"]),
        Step::git(["merge", "-q", "side"]).may_fail(),
        Step::git(["ls-files", "--unmerged"]),
        sh("cat workspace/f"),
    ]);
    let exits = run_in(home.path(), &[], &plan).unwrap();
    assert!(!fired.exists());
    assert_eq!(exits.steps[3].code, 1);
    assert_eq!(exits.steps[4].text().lines().count(), 3);
    assert!(exits.steps[5].text().contains("<<<<<<<"), "{}", exits.steps[5].text());
}

#[test]
fn the_traps_of_these_tests_do_fire_without_the_runner() {
    for configuration in HOSTILE {
        let (home, fired) = hostile(configuration);
        let plan = provoke();
        for step in &plan.steps {
            let mut command = Command::new(&step.argv[0]);
            command.args(&step.argv[1..]).envs(plan.env.iter().cloned());
            // Whether it succeeds does not matter: a filter that prints nonsense may well fail.
            command.current_dir(home.path().join(&step.dir)).stdin(Stdio::null()).output().unwrap();
        }
        assert!(
            fs::read_to_string(&fired).unwrap_or_default().lines().any(|line| line != "hook"),
            "{configuration:?}"
        );
    }
}

#[test]
fn what_a_step_finds_out_is_an_argument_of_a_later_one() {
    let given = |step, form: &str| Step::new(".", ["printf", form]).given(step);
    let twice = given(0, "<%s|%s>").with([NONCE]);
    let exits =
        run(vec![sh("printf 'a $(id) *\\n\\n'"), given(0, "<%s>"), twice, sh("exit 3"), given(3, "x")]);
    assert_eq!(stdouts(&exits)[1..3], ["<a $(id) *>".to_owned(), format!("<a $(id) *|{NONCE}>")]);
    assert_eq!((exits.steps.len(), exits.steps[3].code), (4, 3), "{exits:?}");
}
