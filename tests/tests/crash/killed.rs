//! `gitledger up` is killed at random moments of a clone and of a push, again and again, and started again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gitledger::remote::{Endpoint, Fault, Seed};
use gitledger_tests::origin::APP;
use gitledger_tests::{Agent, Origin, Setup, System, ledger, wait};
use serde_json::json;

use super::aftermath::{self, Killed};
use super::{Lcg, Request, after, clone_input, moment, one_more};

const KILLS: u32 = 20;
/// Held back by the remote, so that moments inside a push are long enough to be met. Shorter than what
/// recovery waits between its two looks at the remote.
const HELD_BACK: Duration = Duration::from_millis(400);
/// What recovery takes at most, when it has to look at the remote twice.
const RECOVERY: Duration = Duration::from_secs(3);

/// Small, so that most of an operation is ours and not git's.
const SMALL: &str = "acme/small";

fn count(outcomes: &mut BTreeMap<String, usize>, outcome: Option<String>) {
    *outcomes.entry(outcome.unwrap_or_else(|| "not recorded".to_owned())).or_default() += 1;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_that_is_killed_has_one_outcome_and_leaves_nothing() {
    let origin = Origin::start().await;
    origin.create(SMALL, &Seed::Generated { files: 8, commits: 4, seed: 7 });
    let url = origin.remote.repository_url(SMALL);
    let setup = Setup::new().admitting(&origin);
    let mut system = setup.start().await;
    let start = Instant::now();
    Agent::clone(&system, &url, "a0", "whole").await;
    let whole = start.elapsed().as_secs_f64();
    let mut random = Lcg(7);
    let (mut all, mut outcomes) = (Vec::new(), BTreeMap::new());
    for number in 0..KILLS {
        let request = Request::new("clone", number, clone_input(&url, &format!("t{number}")));
        let answer = tokio::spawn(Request::send(request.builder(&system)));
        after(moment(number, KILLS, &mut random, whole)).await;
        aftermath::kill(&setup, system).await;
        let answer = answer.await.expect("a task");
        system = setup.start().await;
        aftermath::nothing_is_left(&setup, &system).await;
        let killed = Killed { request, answer, pushed: None };
        let outcome = killed.check(&setup, &system, &origin).await;
        count(&mut outcomes, outcome.clone());
        all.push((killed, outcome));
    }
    println!("clones killed: {outcomes:?}");
    assert!(
        outcomes.keys().any(|outcome| outcome != "succeeded" && outcome != "not recorded"),
        "{outcomes:?}"
    );
    finally(&setup, &system, &origin, &all).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_is_killed_has_one_outcome_that_the_remote_confirms() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let mut system = setup.start().await;
    let whole = measure(&system, &origin).await;
    let mut random = Lcg(11);
    let (mut all, mut outcomes) = (Vec::new(), BTreeMap::new());
    for number in 0..KILLS {
        let agent = Agent::clone(&system, &origin.app(), "a1", &format!("t{number}")).await;
        let commit = agent.commit("NOTES.md", &format!("{number}\n")).await;
        let pushed = Some((commit, agent.branch().to_owned()));
        let request = Request::new("push", number, json!({"sandbox_id": agent.sandbox_id()}));
        let before = pushes(&origin);
        let fault = if number.is_multiple_of(2) { Fault::None } else { Fault::Delay(HELD_BACK) };
        origin.remote.set_fault(APP, Endpoint::ReceivePack, fault).expect("a repository");
        let answer = tokio::spawn(Request::send(request.builder(&system)));
        if number.is_multiple_of(2) {
            after(moment(number, KILLS, &mut random, whole)).await;
        } else {
            one_more("the push at the remote", before, || pushes(&origin)).await;
            after((HELD_BACK + Duration::from_millis(100)).mul_f64(random.fraction())).await;
        }
        aftermath::kill(&setup, system).await;
        let answer = answer.await.expect("a task");
        origin.remote.set_fault(APP, Endpoint::ReceivePack, Fault::None).expect("a repository");
        if number % 5 == 3 {
            aftermath::start_and_kill(&setup, HELD_BACK + RECOVERY.mul_f64(random.fraction())).await;
        }
        system = setup.start().await;
        aftermath::nothing_is_left(&setup, &system).await;
        let killed = Killed { request, answer, pushed };
        let outcome = killed.check(&setup, &system, &origin).await;
        count(&mut outcomes, outcome.clone());
        all.push((killed, outcome));
    }
    println!("pushes killed: {outcomes:?}");
    assert!(outcomes.contains_key("failed"), "no kill met a push before its end: {outcomes:?}");
    finally(&setup, &system, &origin, &all).await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_had_landed_when_it_was_killed_is_found_on_the_remote() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    let (commit, branch) = (agent.commit("NOTES.md", "hello\n").await, agent.branch().to_owned());
    let request = Request::new("push", 0, json!({"sandbox_id": agent.sandbox_id()}));
    // The push's answer is lost, and the look at the remote that follows takes its time: killed in between.
    let lost = Fault::CutResponseAfter(0);
    origin.remote.set_fault_times(APP, Endpoint::ReceivePack, lost, 1).expect("a repository");
    origin
        .remote
        .set_fault(APP, Endpoint::UploadPackRefs, Fault::Delay(HELD_BACK * 4))
        .expect("a repository");
    let answer = tokio::spawn(Request::send(request.builder(&system)));
    let landed = async || (origin.tip(&branch).as_deref() == Some(&commit)).then_some(());
    wait::until("the commit on the remote", landed).await;
    aftermath::kill(&setup, system).await;
    origin.remote.set_fault(APP, Endpoint::UploadPackRefs, Fault::None).expect("a repository");
    let killed = Killed { request, answer: answer.await.expect("a task"), pushed: Some((commit, branch)) };

    let system = setup.start().await;
    aftermath::nothing_is_left(&setup, &system).await;
    assert_eq!(killed.check(&setup, &system, &origin).await.as_deref(), Some("succeeded"));
    assert_eq!(recovered(&setup), 1, "it was the reaper that found it");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_asked_for_again_when_the_remote_was_away() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    let commit = agent.commit("NOTES.md", "hello\n").await;
    let pushed = Some((commit, agent.branch().to_owned()));
    let request = Request::new("push", 0, json!({"sandbox_id": agent.sandbox_id()}));
    let before = pushes(&origin);
    origin.remote.set_fault(APP, Endpoint::ReceivePack, Fault::Delay(HELD_BACK)).expect("a repository");
    let answer = tokio::spawn(Request::send(request.builder(&system)));
    one_more("the push at the remote", before, || pushes(&origin)).await;
    origin.remote.set_fault(APP, Endpoint::UploadPackRefs, Fault::Status(503)).expect("a repository");
    aftermath::kill(&setup, system).await;
    let killed = Killed { request, answer: answer.await.expect("a task"), pushed };
    let path = format!("/operations/{}", killed.request.id);

    let system = setup.start().await;
    let (status, unknown) = system.get(&path).await;
    assert_eq!((status, &unknown["outcome"]), (202, &json!("unknown")), "{unknown:#}");
    origin.remote.set_fault(APP, Endpoint::UploadPackRefs, Fault::None).expect("a repository");
    wait::until("the outcome", async || (system.get(&path).await.0 == 200).then_some(())).await;
    assert!(killed.check(&setup, &system, &origin).await.is_some());
    system.stop().await;
}

fn pushes(origin: &Origin) -> u64 {
    origin.remote.requests_to(APP, Endpoint::ReceivePack).expect("a repository")
}

/// Seconds that a push takes here.
async fn measure(system: &System, origin: &Origin) -> f64 {
    let agent = Agent::clone(system, &origin.app(), "a0", "whole").await;
    agent.commit("NOTES.md", "whole\n").await;
    let start = Instant::now();
    agent.push().await;
    start.elapsed().as_secs_f64()
}

/// Pushes that landed and whose function did not live to hear of it.
fn recovered(setup: &Setup) -> usize {
    let landed = |event: &&serde_json::Value| {
        event["type"] == "gitledger.OperationSucceeded" && event["data"]["recovered"] == true
    };
    setup.events().iter().filter(landed).count()
}

/// Long after, everything is as it was found right after each kill: nothing landed late, nothing was doubled.
async fn finally(setup: &Setup, system: &System, origin: &Origin, all: &[(Killed, Option<String>)]) {
    for (killed, outcome) in all.iter().filter(|(_, outcome)| outcome.is_some()) {
        assert_eq!(killed.check(setup, system, origin).await, *outcome);
    }
    ledger::assert_each_has_one_outcome(&setup.events());
    assert_eq!(ledger::integrity(&setup.data()), "ok");
}
