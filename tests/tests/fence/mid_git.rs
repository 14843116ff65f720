//! git, and the sandbox around it, killed in the middle: told at once, and nothing is left in the way.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gitledger_functions::{World, operate};
use gitledger_tests::{processes, wait};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::json;

use crate::ground::{Clock, Ground};
use crate::orphans::{git, repository, request, write};
use crate::{Lcg, examples};

const SEED: u64 = 8;
/// So long after the end the caller knows of it.
const TOLD_MAX: Duration = Duration::from_secs(5);

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Victim {
    /// git and all that runs it.
    Run,
    /// What watches over git; git itself goes on.
    Watch,
    /// The whole sandbox.
    Sandbox,
}

fn pid(id: processes::Id) -> Pid {
    Pid::from_raw(i32::try_from(id.pid()).expect("a number")).expect("a process")
}

/// Processes of the host whose words hold this text.
fn of(ground: &Ground, text: &str) -> Vec<processes::Id> {
    let all = processes::descendants(ground.pid());
    all.into_iter().filter(|id| processes::lives(*id) && processes::shown(*id).contains(text)).collect()
}

fn kill(ground: &Ground, victim: Victim, operation: &str, sandbox: &str) {
    match victim {
        Victim::Sandbox => {
            for id in of(ground, sandbox) {
                // One may end with another.
                let _ = kill_process(pid(id), Signal::KILL);
            }
        }
        Victim::Run | Victim::Watch => {
            let Some(first) = of(ground, operation).into_iter().next() else { return };
            let _ = if victim == Victim::Run {
                kill_process_group(pid(first), Signal::KILL)
            } else {
                kill_process(pid(first), Signal::KILL)
            };
        }
    }
}

fn locks(workspace: &Path) -> Vec<std::path::PathBuf> {
    let (mut found, mut dirs) = (Vec::new(), vec![workspace.join(".git")]);
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|it| it == "lock") {
                found.push(path);
            }
        }
    }
    found
}

/// What is wrong after a kill, in words.
async fn after(ground: &Ground, world: &World, victim: Victim, operation: &str, sandbox: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if victim == Victim::Sandbox {
        let gone = async || of(ground, sandbox).is_empty().then_some(());
        wait::until("the end of the killed sandbox's processes", gone).await;
        return wrong;
    }
    let workspace = ground.home(sandbox).join("workspace");
    write(&workspace, "next", 1, 100 + operation.len());
    let message = format!("after {operation}");
    let input = json!({"sandbox_id": sandbox, "message": message, "all": true, "allow_empty": true});
    let next = operate(world, request("commit", input)).await.expect("an answer");
    let next = serde_json::to_value(&next).expect("JSON");
    if next["outcome"] != "succeeded" {
        wrong.push(format!("the next commit: {next:#}"));
    }
    wrong.extend(locks(&workspace).into_iter().map(|path| format!("{} is left", path.display())));
    let (clean, said) = git(&workspace, &["fsck", "--no-dangling"]);
    if !clean {
        wrong.push(format!("fsck: {said}"));
    }
    wrong.extend(of(ground, operation).into_iter().map(|id| format!("{} is left", processes::shown(id))));
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_killed_in_mid_git_is_told_at_once_and_leaves_nothing_in_the_way() {
    let count = examples(24, 200);
    let ground = Ground::new().await;
    let world = Arc::new(ground.world(Clock::off_by(0)).await);
    let mut random = Lcg(SEED);
    let mut sandbox = repository(&world, "t0").await;
    let (mut failed, mut met, mut longest) = (Vec::new(), 0, Duration::ZERO);
    for number in 0..count {
        let victim = [Victim::Run, Victim::Watch, Victim::Run, Victim::Sandbox][number % 4];
        write(&ground.home(&sandbox).join("workspace"), &format!("d{number}"), 150, 4000);
        let asked = request("commit", json!({"sandbox_id": sandbox, "message": "m", "all": true}));
        let operation = asked.operation_id.to_string();
        let function = world.clone();
        let running = tokio::spawn(async move { operate(&function, asked).await });
        wait::until("git", async || (running.is_finished() || !of(&ground, &operation).is_empty()).then_some(())).await;
        tokio::time::sleep(random.pause(150)).await;
        let inside = !running.is_finished();
        kill(&ground, victim, &operation, &sandbox);
        let killed = Instant::now();
        let answer = running.await.expect("a task").expect("an answer");
        let took = killed.elapsed();
        longest = longest.max(took);
        let answer = serde_json::to_value(&answer).expect("JSON");
        met += usize::from(inside && answer["outcome"] == "failed");
        let mut wrong = after(&ground, &world, victim, &operation, &sandbox).await;
        if took > TOLD_MAX {
            wrong.push(format!("told after {took:?}"));
        }
        if !["succeeded", "failed"].iter().any(|outcome| answer["outcome"] == *outcome) {
            wrong.push(format!("{answer:#}"));
        }
        if !wrong.is_empty() {
            failed.push(format!("{number} {victim:?}: {wrong:#?}"));
        }
        if victim == Victim::Sandbox {
            sandbox = repository(&world, &format!("t{number}-next")).await;
        }
    }
    ground.end().await;
    println!("S-8 seed {SEED}: {met} of {count} were met in the middle; told after at most {longest:?}");
    println!("S-8: {} passed, {} failed", count - failed.len(), failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(met > count / 8, "hardly any was met in the middle: {met}");
}

#[test]
fn without_the_runner_a_killed_git_leaves_a_lock_in_the_way() {
    let dir = gitledger_tests::system::temporary();
    assert!(git(dir.path(), &["init", "-q"]).0);
    let mut random = Lcg(SEED);
    let stuck = (0..40).any(|number| {
        write(dir.path(), &format!("d{number}"), 300, 4000);
        let mut add = std::process::Command::new("git");
        add.arg("-C").arg(dir.path()).args(["add", "."]).stderr(std::process::Stdio::null());
        let mut child = add.spawn().expect("git");
        std::thread::sleep(random.pause(40));
        child.kill().and_then(|()| child.wait()).expect("a process");
        !git(dir.path(), &["add", "."]).0
    });
    println!("S-8 without the runner, seed {SEED}: stuck {stuck}");
    assert!(stuck);
}
