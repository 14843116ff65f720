//! Ctrl-C while something is under way, and a remote that takes a push in and does not say so.

use std::time::Duration;

use gitledger::remote::{Endpoint, Fault};
use gitledger_tests::origin::APP;
use gitledger_tests::{Agent, Origin, Setup, ledger};
use serde_json::json;

use super::aftermath::{self, Killed};
use super::{Request, clone_input, one_more};

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_lets_what_is_under_way_end_and_answers_it() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    let commit = agent.commit("NOTES.md", "hello\n").await;
    let branch = agent.branch().to_owned();
    let slow = Fault::Delay(Duration::from_millis(2500));
    for endpoint in [Endpoint::ReceivePack, Endpoint::UploadPackRefs] {
        origin.remote.set_fault(APP, endpoint, slow).expect("a repository");
    }
    let push = Request::new("push", 0, json!({"sandbox_id": agent.sandbox_id()}));
    let clone = Request::new("clone", 0, clone_input(&origin.app(), "t2"));
    let requests = |endpoint| origin.remote.requests_to(APP, endpoint).expect("a repository");
    let (pushes, clones) = (requests(Endpoint::ReceivePack), requests(Endpoint::UploadPackRefs));
    // The clone first: a push may ask for the remote's refs too, and would be taken for it.
    let cloning = tokio::spawn(Request::send(clone.builder(&system)));
    one_more("the clone at the remote", clones, || requests(Endpoint::UploadPackRefs)).await;
    let pushing = tokio::spawn(Request::send(push.builder(&system)));
    one_more("the push at the remote", pushes, || requests(Endpoint::ReceivePack)).await;

    let family = gitledger_tests::processes::descendants(system.pid());
    let said = system.stop().await;
    assert!(said.contains("every operation has its outcome"), "{said}");
    let mut all = Vec::new();
    for (request, answer) in [(push, pushing), (clone, cloning)] {
        let answer = answer.await.expect("a task");
        let (status, answered) = answer.as_ref().expect("it is answered before the end");
        assert_eq!((*status, &answered["outcome"]), (200, &json!("succeeded")), "{answered:#}\n{said}");
        let sent = (request.operation == "push").then(|| (commit.clone(), branch.clone()));
        all.push(Killed { request, answer, pushed: sent });
    }
    assert_eq!(origin.tip(&branch).as_deref(), Some(commit.as_str()));
    assert!(
        !family.is_empty() && !family.into_iter().any(gitledger_tests::processes::lives),
        "a process is left"
    );
    ledger::assert_each_has_one_outcome(&setup.events());

    let system = setup.start().await;
    aftermath::nothing_is_left(&setup, &system).await;
    for killed in &all {
        assert_eq!(killed.check(&setup, &system, &origin).await.as_deref(), Some("succeeded"));
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_answer_was_lost_on_the_way_is_found_on_the_remote() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    for (number, cut) in [0, 1, 20, 60].into_iter().enumerate() {
        let agent = Agent::clone(&system, &origin.app(), "a1", &format!("t{number}")).await;
        let commit = agent.commit("NOTES.md", "hello\n").await;
        let fault = Fault::CutResponseAfter(cut);
        origin.remote.set_fault_times(APP, Endpoint::ReceivePack, fault, 1).expect("a repository");
        let pushed = agent.push().await;
        assert_eq!(pushed["output"]["commit_hash"], commit.as_str(), "{pushed:#}");
        assert_eq!(origin.tip(agent.branch()).as_deref(), Some(commit.as_str()));
        assert_eq!(aftermath::commits(&origin, agent.branch()), 1);
        let id = pushed["operation_id"].as_str().expect("an id");
        let events = setup.events();
        // The remote was asked; nothing was sent a second time.
        let story = ["OperationRequested", "PushPrepared", "PushAttempted", "OperationSucceeded"];
        assert_eq!(ledger::names(&events, id), story, "cut after {cut} bytes");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_answers_are_all_lost_is_never_guessed() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    let commit = agent.commit("NOTES.md", "hello\n").await;
    let refused = Fault::Status(503);
    origin.remote.set_fault(APP, Endpoint::ReceivePack, refused).expect("a repository");
    let (_, answer) = agent.attempt("push", json!({})).await;
    // It answered and took nothing in: that is known.
    assert_eq!(answer["outcome"], "failed", "{answer:#}");
    assert_eq!(answer["failure"]["retryable"], true, "{answer:#}");
    assert_eq!(origin.tip(agent.branch()), None);
    origin.remote.set_fault(APP, Endpoint::ReceivePack, Fault::CutResponseAfter(0)).expect("a repository");
    let pushed = agent.push().await;
    assert_eq!(pushed["output"]["commit_hash"], commit.as_str(), "{pushed:#}");
    assert_eq!(aftermath::commits(&origin, agent.branch()), 1);
    ledger::assert_each_has_one_outcome(&setup.events());
    system.stop().await;
}
