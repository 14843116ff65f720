//! Plans run in sandboxes, undisturbed and disturbed.

use std::time::Duration;

use gitledger_operations::plan::{Ended, Input, Plan, Step, Upload};
use gitledger_sandboxes::envd::{End, EnvdError, ProcessEvent, ProcessStart};
use gitledger_sandboxes::{SandboxError, Secret, Trace};

use crate::cable::Cable;
use crate::ground::{Ground, KEY, origin, plan, request, sh};

const TOKEN: &str = "ghp_0123456789";

pub async fn a_plan_runs_in_one_process_and_its_output_comes_back_whole() {
    let ground = Ground::new().await;
    let id = ground.open().await.sandbox_id;
    let upload = Upload { path: "up/one".into(), bytes: b"\0\xffuploaded".to_vec() };
    let plan = Plan {
        uploads: vec![upload],
        ..plan(vec![
            sh("git init -q workspace && echo a > workspace/f"),
            Step::git(["add", "--pathspec-from-file=-", "--pathspec-file-nul"])
                .reading(Input::Fields(vec!["f".into()])),
            Step::git(["status", "--porcelain=2", "-z"]),
            sh("head -c 300000 /dev/zero; echo err >&2; exit 3").may_fail(),
            sh("cat up/one"),
        ])
    };
    let exits = ground.sandboxes.run(&id, "t-0", &plan, None).await.unwrap();
    assert_eq!((exits.steps.len(), exits.ended), (5, Ended::Normally), "{exits:?}");
    assert!(exits.steps[2].text().starts_with("1 A. N... ") && exits.steps[2].text().ends_with(" f\0"));
    assert_eq!(exits.steps[3].stdout, vec![0; 300_000]);
    assert_eq!((exits.steps[3].code, exits.steps[3].stderr.as_slice()), (3, &b"err\n"[..]));
    assert_eq!(exits.steps[4].stdout, b"\0\xffuploaded");
}

fn credentialed(steps: Vec<Step>) -> Plan {
    let scratch = "/tmp/gitledger-test".to_owned();
    Plan { credential: Some(format!("{scratch}/credential")), scratch: Some(scratch), ..plan(steps) }
}

pub async fn a_credential_is_there_for_the_plan_and_gone_after_it() {
    let ground = Ground::new().await;
    let id = ground.open().await.sandbox_id;
    let token = Secret::new(TOKEN);
    let look = "cat /tmp/gitledger-test/credential; stat -c %a /tmp/gitledger-test; env; cat /proc/*/cmdline";
    let plan = credentialed(vec![sh(look)]);
    let exits = ground.sandboxes.run(&id, "t-0", &plan, Some(&token)).await.unwrap();
    let text = exits.steps[0].text();
    assert!(text.starts_with("username=x-access-token\npassword=ghp_0123456789\n700\n"), "{text}");
    assert_eq!(text.matches(TOKEN).count(), 1, "neither in environment nor in arguments");
    assert!(!is_there(&ground, &id, "/tmp/gitledger-test").await);
    let without = ground.sandboxes.run(&id, "t-1", &plan, None).await.unwrap();
    assert!(!without.steps[0].text().contains("password"));
}

pub async fn a_credential_is_removed_when_the_plan_cannot_start() {
    let ground = Ground::new().await;
    let id = ground.open().await.sandbox_id;
    let impossible = Upload { path: "/proc/impossible/file".into(), bytes: vec![] };
    let plan = Plan { uploads: vec![impossible], ..credentialed(vec![sh("true")]) };
    ground.sandboxes.run(&id, "t-0", &plan, Some(&Secret::new(TOKEN))).await.unwrap_err();
    until(|| async { !is_there(&ground, &id, "/tmp/gitledger-test").await }).await;
}

pub async fn what_takes_too_long_is_stopped_and_cleaned_up() {
    let ground = Ground::new().await;
    let id = ground.open().await.sandbox_id;
    let steps = vec![sh("echo one"), sh("echo two; sleep 60 & sleep 60")];
    let plan = Plan { timeout: Duration::from_secs(3), ..credentialed(steps) };
    let exits = ground.sandboxes.run(&id, "t-0", &plan, Some(&Secret::new(TOKEN))).await.unwrap();
    assert_eq!((exits.ended, exits.steps.len()), (Ended::TimedOut, 2));
    assert_eq!(exits.steps[1].text(), "two\n");
    assert!(!is_there(&ground, &id, "/tmp/gitledger-test").await);
    let look = plan_of("ps -e -o args= 2>/dev/null || cat /proc/*/cmdline | tr '\\0' ' '");
    let left = ground.sandboxes.run(&id, "t-1", &look, None).await.unwrap();
    assert!(!left.steps[0].text().contains("sleep 60"), "{}", left.steps[0].text());
}

pub async fn what_only_looks_is_stopped_too() {
    let ground = Ground::new().await;
    let id = ground.open().await.sandbox_id;
    let steps = vec![sh("echo one"), sh("echo two; sleep 60")];
    let plan = Plan { writes: false, timeout: Duration::from_secs(3), ..plan(steps) };
    let exits = ground.sandboxes.run(&id, "t-0", &plan, None).await.unwrap();
    assert_eq!((exits.ended, exits.steps.len()), (Ended::TimedOut, 2));
    assert_eq!((exits.steps[0].text(), exits.steps[1].text()), ("one\n".into(), "two\n".into()));
}

pub async fn a_run_that_nobody_waits_for_still_ends() {
    let ground = Ground::new().await;
    let id = ground.open().await.sandbox_id;
    let plan = Plan { timeout: Duration::from_secs(3), ..plan(vec![sh("touch began; sleep 60")]) };
    {
        let run = ground.sandboxes.run(&id, "nobody", &plan, None);
        tokio::pin!(run);
        tokio::select! {
            ended = &mut run => panic!("{ended:?}"),
            () = until(|| is_there(&ground, &id, "began")) => {}
        }
    }
    let wait = Duration::from_secs(30);
    let mut stream = ground.sandboxes.envd().reconnect(&id, "nobody", wait).await.unwrap();
    let end = loop {
        match stream.next().await.unwrap() {
            Some(ProcessEvent::Ended(end)) => break end,
            Some(_) => {}
            None => panic!("no end"),
        }
    };
    assert_eq!(end, End::Exited(124));
}

pub async fn a_sandbox_that_dies_under_a_run_is_lost_and_afterwards_unknown() {
    let ground = Ground::new().await;
    let id = ground.open().await.sandbox_id;
    let plan = plan(vec![sh("touch began; sleep 60")]);
    let killed = async {
        until(|| is_there(&ground, &id, "began")).await;
        ground.sandboxes.control().kill(&id).await.unwrap();
    };
    let (lost, ()) = tokio::join!(ground.sandboxes.run(&id, "t-0", &plan, None), killed);
    let lost = lost.unwrap_err();
    assert!(matches!(lost, SandboxError::Lost(_)), "{lost:?}");
    assert!(lost.outcome_unknown());
    let unknown = ground.sandboxes.run(&id, "t-1", &plan, None).await.unwrap_err();
    assert_eq!(unknown, SandboxError::NotFound);
}

pub async fn a_cut_stream_is_found_again_and_is_not_taken_for_a_success() {
    let ground = Ground::new().await;
    let id = ground.open().await.sandbox_id;
    let cable = Cable::to(&ground.host.url()).await;
    let far = ground.by(&cable.url, KEY);
    for (last, succeeded) in [("true", true), ("exit 3", false)] {
        let script = format!("touch began; while [ ! -e go ]; do sleep 0.05; done; rm go began; {last}");
        let plan = plan(vec![sh(&script)]);
        let disturbed = async {
            until(|| is_there(&ground, &id, "began")).await;
            cable.cut();
            let go = plan_of("touch go");
            ground.sandboxes.run(&id, "go", &go, None).await.unwrap();
        };
        let tag = format!("cut-{last}");
        let (ended, ()) = tokio::join!(far.run(&id, &tag, &plan, None), disturbed);
        assert_eq!(ended, Err(SandboxError::Interrupted { succeeded }));
    }
}

pub async fn all_that_is_asked_for_a_run_says_which_trace_it_is_for() {
    let ground = Ground::new().await;
    let cable = Cable::to(&ground.host.url()).await;
    let far = ground.by(&cable.url, KEY);
    let plan =
        Plan { uploads: vec![Upload { path: "one".into(), bytes: b"1".to_vec() }], ..plan_of("cat one") };
    let work = async {
        let id = far.open(&request(), &origin()).await.unwrap().sandbox_id;
        far.run(&id, "t-0", &plan, None).await.unwrap();
    };
    let trace = Trace::xray("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1");
    Trace::around(trace, work).await;
    let sent = cable.sent().to_lowercase();
    for asked in ["post /v2/sandboxes", "post /files", "post /process.process/start"] {
        assert!(sent.contains(asked), "{asked} in {sent}");
    }
    let requests = sent.matches(" http/1.1\r\n").count();
    assert!(requests >= 3, "{sent}");
    let told = sent.matches("traceparent: 00-5759e988bd862e3fe1be46a994272793-").count();
    assert_eq!(told, requests, "{sent}");
}

pub async fn a_forgotten_token_is_asked_for_again() {
    let ground = Ground::new().await;
    let id = ground.open().await.sandbox_id;
    let elsewhere = ground.by(&ground.host.url(), KEY);
    let exits = elsewhere.run(&id, "t-0", &plan_of("echo x"), None).await.unwrap();
    assert_eq!(exits.steps[0].text(), "x\n");
}

fn plan_of(script: &str) -> Plan {
    plan(vec![sh(script)])
}

async fn is_there(ground: &Ground, id: &str, path: &str) -> bool {
    let exits =
        ground.sandboxes.run(id, "look", &plan(vec![Step::new(".", ["test", "-e", path])]), None).await;
    exits.unwrap().steps[0].ok()
}

/// Looks until it is so.
async fn until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    while !condition().await {
        tokio::task::yield_now().await;
    }
}

/// An answer that has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(5);

pub async fn a_sandbox_that_is_silent_is_not_waited_for_for_ever() {
    let ground = Ground::new().await;
    let id = ground.open().await.sandbox_id;
    let envd = ground.sandboxes.envd();
    let stop = ProcessStart {
        cmd: "bash".into(),
        args: vec!["-c".into(), "kill -STOP $PPID".into()],
        envs: Vec::new(),
        cwd: None,
        tag: "stop".into(),
        timeout: Duration::from_secs(30),
    };
    // It may be stopped before it has told that this began.
    let _ = tokio::time::timeout(PATIENCE, envd.start(&id, &stop)).await;
    // Until it has stopped it answers that there is no such run.
    while tokio::time::timeout(PATIENCE, envd.recall(&id, "t-0", 1, false)).await.is_ok() {}
    let (recalled, started) = tokio::join!(envd.recall(&id, "t-0", 1, false), envd.start(&id, &stop));
    let error = recalled.unwrap_err();
    assert!(matches!(error, SandboxError::Unavailable(_)), "{error:?}");
    let error = started.unwrap_err();
    assert!(matches!(error, EnvdError::Cut(_)), "{error:?}");
}
