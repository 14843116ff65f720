//! A function that dies in the middle of an operation, and the next try.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gitledger::remote::{Endpoint, Fault};
use gitledger_tests::origin::APP;
use gitledger_tests::runtime_api::{Invocation, RuntimeApi};
use gitledger_tests::{Origin, Process, Setup, program, wait};
use serde_json::{Value, json};

use crate::{build, happened, over_http, remotes};

/// One process of a function, served by this Runtime API.
fn function(setup: &Setup, api: &RuntimeApi, name: &str, origin: &Origin) -> Process {
    let mut command = Command::new(program::built(&["--bin", name], name));
    command.env_clear().env("AWS_LAMBDA_RUNTIME_API", api.address()).env("AWS_LAMBDA_FUNCTION_NAME", name);
    command.env("AWS_LAMBDA_FUNCTION_VERSION", "1").env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256");
    command.env("GITLEDGER_DATA", setup.data()).envs(remotes(origin));
    Process::start(name, command)
}

/// Lambda tries an invocation whose function died again, under the same id.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_is_killed_in_its_middle_is_gone_on_with_by_the_next_try() {
    build();
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let first_requests = || origin.remote.requests_to(APP, Endpoint::UploadPackRefs).expect("a repository");
    let mut api = RuntimeApi::start().await;
    let hand_out = async |api: &RuntimeApi, request_id: &str, event: Value| {
        let invocation =
            Invocation { request_id: request_id.to_owned(), event, time: Duration::from_mins(2) };
        api.hand_out(invocation).await;
    };
    let read = |file: &Path| serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("JSON");
    let asked = |agent: &str| {
        let input = json!({"repo_url": origin.app(), "agent_id": agent, "task_id": "t1"});
        read(&over_http(&setup, "/git/clone", Some(&input), &[("prefer", "respond-async")]))
    };
    let delay = |seconds| Fault::Delay(Duration::from_secs(seconds));

    // What a clone asks the remote when nobody disturbs it.
    let process = function(&setup, &api, "git-clone", &origin);
    let resumed = async |api: &mut RuntimeApi, agent: &str| {
        hand_out(api, &format!("asked-{agent}"), asked(agent)).await;
        let (_, later) = api.answer().await;
        assert_eq!(later["statusCode"], 202, "{later:#}");
        let place = later["headers"]["location"].as_str().expect("a place");
        place.trim_start_matches("/operations/").to_owned()
    };
    let id = resumed(&mut api, "undisturbed").await;
    hand_out(&api, "undisturbed", json!({"resume": id})).await;
    let (kind, done) = api.answer().await;
    assert_eq!((kind.as_str(), done["outcome"].as_str()), ("response", Some("succeeded")), "{done:#}");
    let undisturbed = first_requests();

    let id = resumed(&mut api, "disturbed").await;
    origin.remote.set_fault(APP, Endpoint::UploadPack, delay(4)).expect("a repository");
    hand_out(&api, "the-same", json!({"resume": id})).await;
    wait::until("git talks to the remote", async || (first_requests() > undisturbed).then_some(())).await;
    process.kill().await;
    assert!(!happened(&setup, &id).contains(&"OperationSucceeded".to_owned()));
    let process = function(&setup, &api, "git-clone", &origin);
    hand_out(&api, "the-same", json!({"resume": id})).await;
    let (kind, done) = api.answer().await;
    assert_eq!((kind.as_str(), done["outcome"].as_str()), ("response", Some("succeeded")), "{done:#}");
    assert_eq!(done["operation_id"], json!(id));
    assert_eq!(first_requests(), 2 * undisturbed, "git ran twice");
    let names = happened(&setup, &id);
    assert_eq!(names.iter().filter(|name| *name == "OperationSucceeded").count(), 1, "{names:?}");
    process.kill().await;
    system.stop().await;
}
