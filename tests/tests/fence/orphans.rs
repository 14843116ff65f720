//! Functions that die in the middle: what the reaper says of their operations is true, and said in time.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gitledger_events::Fact;
use gitledger_events::operation::SideEffect;
use gitledger_functions::{Request, World, operate, reaper};
use gitledger_sandboxes::World as _;
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use crate::ground::{Clock, Ground, plan};
use crate::{Lcg, examples};

const SEED: u64 = 18;
/// Between two rounds of the reaper.
const ROUND: SignedDuration = SignedDuration::from_secs(45);
/// After its deadline an orphan waits at most so long for its outcome.
const WAIT_MAX: SignedDuration = SignedDuration::from_secs(75);

/// What was said of the commits whose functions died.
#[derive(Debug, Default)]
struct Said {
    done: usize,
    nothing: usize,
    unknown: usize,
    landed: usize,
    wrong: Vec<String>,
    waited: Vec<SignedDuration>,
}

pub fn request(operation: &str, input: serde_json::Value) -> Request {
    Request::new(operation, input, None, Uuid::now_v7()).expect("a request")
}

/// A sandbox with an empty repository.
pub async fn repository(world: &World, task: &str) -> String {
    let input = json!({"repo_url": "https://github.com/acme/app", "agent_id": "a1", "task_id": task});
    let answer = operate(world, request("init", input)).await.expect("an answer");
    let output = answer.output.expect("an output");
    output["sandbox_id"].as_str().expect("a sandbox").to_owned()
}

/// Puts files into a workspace, as an agent does.
pub fn write(workspace: &Path, name: &str, files: usize, bytes: usize) {
    let dir = workspace.join(name);
    std::fs::create_dir_all(&dir).expect("a folder");
    for number in 0..files {
        let text = format!("{name} {number}\n").repeat(bytes / 10);
        std::fs::write(dir.join(number.to_string()), text).expect("a file");
    }
}

/// What git says in a workspace, from outside.
pub fn git(workspace: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("git");
    command.arg("-C").arg(workspace).args(["-c", "safe.directory=*"]).args(arguments);
    let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().expect("git");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

async fn orphans(count: usize, traces: bool) -> Said {
    let ground = Ground::new().await;
    let clock = Clock::off_by(0);
    let world = Arc::new(ground.world(clock.clone()).await);
    let id = repository(&world, "orphans").await;
    let workspace = ground.home(&id).join("workspace");
    let mut random = Lcg(SEED);
    let mut said = Said::default();
    let mut whole = Duration::from_millis(100);
    for number in 0..count {
        write(&workspace, &format!("d{number}"), 20, 2000);
        let message = format!("commit {number}");
        let asked = request("commit", json!({"sandbox_id": id, "message": message, "all": true}));
        let operation_id = asked.operation_id;
        let function = Arc::new(ground.world(clock.clone()).await);
        let began = Instant::now();
        let running = tokio::spawn(async move { operate(&function, asked).await });
        if number == 0 {
            running.await.expect("a task").expect("an answer");
            whole = began.elapsed();
            continue;
        }
        // Its function dies; what it has started goes on.
        tokio::time::sleep(whole.mul_f64(random.fraction())).await;
        running.abort();
        let _ = running.await;
        if !traces {
            let erased = plan("rm -rf /dev/shm/gitledger", &[]);
            tokio::time::sleep(whole * 2).await;
            world.sandboxes.run(&id, "erase", &erased, None).await.expect("a run");
        }
        judge(&world, &clock, &mut random, operation_id, (&workspace, &message), &mut said).await;
    }
    ground.end().await;
    said
}

/// Waits, by the clock, for the operation's outcome, and holds it against the repository.
async fn judge(
    world: &World,
    clock: &Clock,
    random: &mut Lcg,
    operation_id: Uuid,
    (workspace, message): (&Path, &str),
    said: &mut Said,
) {
    let ledger = world.ledger.clone();
    let read = async || {
        let stream = gitledger_events::Stream::operation(operation_id);
        let records = ledger.read_stream(&stream, 1).await.expect("a stream");
        records.into_iter().filter_map(|record| record.decode().ok()).collect::<Vec<_>>()
    };
    let told = read().await;
    let Some(Fact::OperationRequested(asked)) = told.first().map(|event| &event.event.fact) else { return };
    let deadline = asked.deadline;
    clock.forward(deadline.duration_since(clock.now()));
    clock.forward(SignedDuration::from_millis(i64::try_from(random.pause(45_000).as_millis()).expect("ms")));
    let outcome = loop {
        reaper::reap(world).await.expect("a round");
        let found = read().await.into_iter().map(|event| event.event.fact).find(Fact::is_outcome);
        if let Some(found) = found {
            break found;
        }
        assert!(
            clock.now().duration_since(deadline) < SignedDuration::from_mins(30),
            "{operation_id}: no outcome"
        );
        clock.forward(ROUND);
    };
    said.waited.push(clock.now().duration_since(deadline));
    let (_, newest) = git(workspace, &["log", "-1", "--format=%s %H"]);
    let landed = newest.starts_with(&format!("{message} "));
    said.landed += usize::from(landed);
    let right = match &outcome {
        Fact::OperationSucceeded(done) => {
            said.done += 1;
            landed && done.head_after.as_deref().is_some_and(|head| newest.ends_with(head))
        }
        Fact::OperationAbandoned(left) if left.side_effect == SideEffect::None => {
            said.nothing += 1;
            !landed
        }
        Fact::OperationFailed(failed) if failed.side_effect == SideEffect::None => !landed,
        _ => {
            said.unknown += 1;
            true
        }
    };
    if !right {
        said.wrong.push(format!("{message}: {outcome:?}, newest {newest}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_an_orphan_is_true_and_said_in_time() {
    let said = Box::pin(orphans(examples(13, 200), true)).await;
    let mut waited = said.waited.clone();
    waited.sort();
    let late = waited.iter().filter(|wait| **wait > WAIT_MAX).count();
    println!(
        "S-18 seed {SEED}: {} done, {} nothing, {} unknown; {} landed",
        said.done, said.nothing, said.unknown, said.landed
    );
    println!("S-18: after the deadline p50 {:?}, longest {:?}", waited.get(waited.len() / 2), waited.last());
    let failed = late + said.wrong.len();
    println!("S-18: {} passed, {failed} failed", waited.len().saturating_sub(failed));
    assert!(said.wrong.is_empty(), "{:#?}", said.wrong);
    assert_eq!(late, 0, "{waited:?}");
    assert!(said.done > 0, "no death was late enough for a commit: {said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_traces_nothing_is_known_of_an_orphan_and_nothing_is_guessed() {
    let said = Box::pin(orphans(5, false)).await;
    println!("S-18 without traces, seed {SEED}: {said:?}");
    assert!(said.wrong.is_empty(), "{:#?}", said.wrong);
    assert!(said.unknown > 0, "{said:?}");
}
