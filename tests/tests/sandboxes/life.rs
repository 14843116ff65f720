//! A sandbox is made, kept, put to sleep, woken and ended, because somebody asks for it or nobody does.

use gitledger_tests::{Origin, Setup, ledger, wait};
use serde_json::{Value, json};

use super::{about, behind, clone, stream, with_policy};

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_is_made_looked_at_kept_paused_woken_used_and_killed() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let asked = json!({"agent_id": "a1", "task_id": "t1"});
    let made = system.operate("sandbox-create", &asked).await;
    assert_eq!((&made["output"]["reuse"], &made["output"]["phase"]), (&json!("new"), &json!("running")));
    let id = made["output"]["sandbox_id"].as_str().expect("a sandbox").to_owned();
    let listed = system.operate("sandbox-list", &json!({"agent_id": "a1"})).await["output"].clone();
    assert_eq!(listed["sandboxes"].as_array().map(Vec::len), Some(1), "{listed:#}");
    assert_eq!(listed["sandboxes"][0], about(&system, "sandbox-get", &id).await);
    let other = system.operate("sandbox-list", &json!({"agent_id": "a2"})).await;
    assert_eq!(other["output"]["sandboxes"], json!([]));

    let ends = |told: &Value| told["expires_at"].as_str().expect("a time").to_owned();
    let before = ends(&listed["sandboxes"][0]);
    let kept = system.operate("sandbox-keep-alive", &json!({"sandbox_id": id, "timeout_s": 7200})).await;
    assert!(ends(&kept["output"]) > before, "{kept:#}");
    let shorter = system.operate("sandbox-keep-alive", &json!({"sandbox_id": id, "timeout_s": 60})).await;
    assert_eq!(shorter["output"], kept["output"], "a life is never made shorter");
    let told = behind(&system).get(&id).await.expect("an answer").expect("a sandbox").listed.end_at;
    assert!(told.to_string() > before, "the host was told: {told}");

    assert_eq!(about(&system, "sandbox-pause", &id).await, json!({"sandbox_id": id, "paused": true}));
    assert_eq!(about(&system, "sandbox-pause", &id).await["paused"], false);
    assert_eq!(about(&system, "sandbox-get", &id).await["phase"], "paused");
    assert_eq!(about(&system, "sandbox-resume", &id).await["resumed"], true);
    assert_eq!(about(&system, "sandbox-resume", &id).await["resumed"], false);
    // Made ahead for this task, it is what the task's clone works in.
    assert_eq!(clone(&system, &origin, "a1", "t1", json!({})).await, id);
    about(&system, "sandbox-pause", &id).await;
    // Neither a read nor a write has to know that it sleeps.
    about(&system, "status", &id).await;
    about(&system, "sandbox-pause", &id).await;
    system.operate("file-write", &json!({"sandbox_id": id, "path": "x", "content": "x"})).await;
    assert_eq!(about(&system, "sandbox-kill", &id).await, json!({"sandbox_id": id, "killed": true}));
    assert_eq!(about(&system, "sandbox-kill", &id).await["killed"], false);
    assert_eq!(about(&system, "sandbox-get", &id).await["phase"], "gone");
    for operation in ["sandbox-pause", "sandbox-resume", "sandbox-keep-alive"] {
        for gone in [id.as_str(), "i0000000000000000nowhere"] {
            let (status, answer) =
                system.post(&gitledger_tests::system::path(operation), &json!({"sandbox_id": gone})).await;
            let code = &answer["failure"]["code"];
            assert_eq!((status, code), (200, &json!("sandbox-not-found")), "{operation} {answer:#}");
        }
    }
    let told = stream(&setup, &id);
    let slept = told.iter().filter(|kind| *kind == "SandboxPaused").count();
    let woke = told.iter().filter(|kind| *kind == "SandboxResumed").count();
    assert_eq!((slept, woke, told.last().map(String::as_str)), (3, 3, Some("SandboxKilled")), "{told:?}");
    let events = setup.events();
    ledger::assert_each_has_one_outcome(&events);
    for looking in ["sandbox-list", "sandbox-get"] {
        assert!(!events.iter().any(|event| event["operation"] == looking), "looking is not recorded");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_makes_one_sandbox_and_a_key_of_another_request_is_refused() {
    let setup = Setup::new();
    let system = setup.start().await;
    let asked = json!({"agent_id": "a1", "task_id": "t1"});
    let (_, first) = system.post_once("/sandbox/create", "once", &asked).await;
    let (_, again) = system.post_once("/sandbox/create", "once", &asked).await;
    assert_eq!((&again["replayed"], &again["output"]), (&json!(true), &first["output"]), "{again:#}");
    let (status, _) =
        system.post_once("/sandbox/create", "once", &json!({"agent_id": "a2", "task_id": "t1"})).await;
    assert_eq!(status, 422);
    let listed = system.operate("sandbox-list", &json!({})).await;
    assert_eq!(listed["output"]["sandboxes"].as_array().map(Vec::len), Some(1));
    for (path, code) in [("/git/sandbox-list", 404), ("/sandbox/clone", 404), ("/sandbox/sandbox-list", 404)]
    {
        assert_eq!(system.post(path, &json!({})).await.0, code, "{path}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_sandbox_is_paused_by_itself_and_one_that_was_asked_to_stay_is_not() {
    let origin = Origin::start().await;
    let setup = with_policy(&origin, "pause_after_s = 5\n");
    let system = setup.start().await;
    let idle = clone(&system, &origin, "a1", "t1", json!({})).await;
    let stays = clone(&system, &origin, "a1", "t2", json!({"sandbox": {"pause_after_s": 0}})).await;
    let reaped = wait::until("an idle sandbox to be paused", async || {
        let reaped = system.operate("sandbox-reap", &json!({})).await["output"].clone();
        (about(&system, "sandbox-get", &idle).await["phase"] == "paused").then_some(reaped)
    })
    .await;
    assert!(reaped["sandboxes_paused"].is_u64(), "{reaped:#}");
    assert_eq!(about(&system, "sandbox-get", &stays).await["phase"], "running");
    // What was not committed is still there when the task goes on.
    system.operate("file-write", &json!({"sandbox_id": idle, "path": "x", "content": "x"})).await;
    assert_eq!(stream(&setup, &stays).iter().filter(|kind| *kind == "SandboxKept").count(), 1);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_behind_the_ledgers_back_is_found_and_told() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let (slept, died) = (
        clone(&system, &origin, "a1", "t1", json!({})).await,
        clone(&system, &origin, "a1", "t2", json!({})).await,
    );
    let host = behind(&system);
    host.pause(&slept).await.expect("paused");
    host.kill(&died).await.expect("killed");
    system.operate("sandbox-reap", &json!({})).await;
    assert_eq!(about(&system, "sandbox-get", &slept).await["phase"], "paused");
    assert_eq!(about(&system, "sandbox-get", &died).await["phase"], "gone");
    about(&system, "status", &slept).await;
    assert_eq!(stream(&setup, &died).last().map(String::as_str), Some("SandboxLost"));
    system.stop().await;
}
