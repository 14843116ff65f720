//! The whole of AWS on this machine: the template deployed by CloudFormation into ministack, with the functions' real
//! binaries, agents at work through its API, and what each part of the template is there for seen to happen.
//!
//! Long, and after `infra/aws/build --x86-64`: `cargo test -p gitledger-tests --test stack -- --ignored --nocapture`

mod accounts;
mod deployed;
mod ministack;
mod watched;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gitledger::demo::{Client, Stage, one_after_the_other};
use gitledger::remote::{Endpoint as Of, Fault};
use gitledger_events::Fact;
use gitledger_ledger::Recorded;
use gitledger_ledger::dynamo::DynamoLedger;
use gitledger_sandboxes::{ControlPlane, Endpoint, Secret};
use gitledger_tests::monitoring::{LOGIN, Pushgateway};
use gitledger_tests::{Process, Setup, system, wait};
use reqwest::{Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use deployed::Deployed;
use ministack::Ministack;

/// Agents of the workload, one after the other.
const AGENTS: u16 = 4;
/// When an idle sandbox is paused: while the test waits for it, or after everything is counted.
const SOON_S: u64 = 20;
const LATE_S: u64 = 900;
/// The repository whose clones are slow.
const APP: &str = "acme/app";

/// How many processes were killed during the workload.
static KILLED: AtomicU64 = AtomicU64::new(0);

/// The stack, and what is around it.
struct Here {
    stack: Deployed,
    stage: std::sync::Arc<Stage>,
    setup: Setup,
    host: Process,
    host_url: String,
    gateway: Pushgateway,
    key: String,
    http: reqwest::Client,
}

impl Here {
    async fn start(pause_after_s: u64) -> Self {
        let stage = std::sync::Arc::new(Stage::set().await.expect("a remote"));
        let setup = Setup::new();
        let port = system::free_port().to_string();
        let data = setup.data().with_file_name("host");
        let mut host = Process::start(
            "gitledger sandbox-host",
            setup.command(&["sandbox-host", "--port", &port, "--data", &data.to_string_lossy()]),
        );
        let address = |line: &str| Some(line.strip_prefix("sandbox host on ")?.split(' ').next()?.to_owned());
        let host_url = host.line("its address", address).await;
        let gateway = Pushgateway::asking().await;
        let key = setup.key("agents", &[]);

        let policy = format!("[sandboxes]\npause_after_s = {pause_after_s}\n");
        let prefixes = stage.prefixes();
        let parameters = [
            ("Architecture", "x86_64"),
            ("SandboxesUrl", host_url.as_str()),
            ("SandboxesProxyUrl", host_url.as_str()),
            ("AllowRemotes", prefixes.as_str()),
            ("PushgatewayUrl", gateway.url()),
            ("Policy", policy.as_str()),
        ];
        let stack = Deployed::with(Ministack::start().await, &parameters).await;
        stack.secret("SandboxesKey", "e2b_0").await;
        stack.secret("GitTokens", &accounts::token_lines(&stage)).await;
        stack.secret("MetricsLogins", &format!("pushgateway = {}:{}", LOGIN.0, LOGIN.1)).await;
        let keys = std::fs::read_to_string(setup.data().join("keys.json")).expect("the keys' file");
        stack.secret("ApiKeys", &keys).await;
        Self { stack, stage, setup, host, host_url, gateway, key, http: system::client() }
    }

    fn control(&self) -> ControlPlane {
        ControlPlane::new(Endpoint::at(&self.host_url, Secret::new("e2b_0".to_owned()))).expect("a client")
    }

    fn ledger(&self) -> DynamoLedger {
        self.stack.aws.ledger(self.stack.id("EventsTable"), self.stack.id("LogTable"))
    }

    async fn events(&self) -> Vec<Recorded> {
        accounts::events(&self.ledger()).await
    }

    /// Waits for an event that is told of here.
    async fn event(&self, what: &str, wanted: impl Fn(&Fact) -> bool) -> Recorded {
        wait::until(what, async || {
            let all = self.events().await;
            all.into_iter().find(|event| event.record.fact().is_ok_and(|fact| wanted(&fact)))
        })
        .await
    }

    /// Asks the API with the agents' key, and another header.
    async fn post(&self, path: &str, input: &Value, prefer: Option<&str>) -> reqwest::Response {
        let mut request =
            self.http.post(format!("{}{path}", self.stack.api())).bearer_auth(&self.key).json(input);
        if let Some(prefer) = prefer {
            request = request.header("prefer", prefer);
        }
        request.send().await.expect("an answer")
    }

    async fn record(&self, place: &str) -> (StatusCode, Value) {
        let request = self.http.get(format!("{}{place}", self.stack.api())).bearer_auth(&self.key);
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.json().await.unwrap_or(Value::Null))
    }

    fn function(name: &str) -> String {
        format!("gitledger-{name}")
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes, and the functions as infra/aws/build --x86-64 leaves them"]
async fn the_template_serves_agents_and_each_of_its_parts_does_what_it_is_for() {
    let here = Here::start(LATE_S).await;
    only_who_has_a_key_is_let_in(&here).await;
    let published = the_workload_is_counted(&here).await;
    a_slow_clone_is_gone_on_with(&here).await;
    accounts::memory(&here.stack).await;
    accounts::same(&published, &local_metrics().await);
    here.host.interrupt().await;
    drop(here.setup);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes, and the functions as infra/aws/build --x86-64 leaves them"]
async fn what_fails_is_tried_again_and_then_kept_and_what_idles_is_reaped() {
    let here = Here::start(SOON_S).await;
    let input =
        json!({"repo_url": here.stage.url(APP), "branch": "main", "agent_id": "idle", "task_id": "t1"});
    let cloned: Value = here.post("/git/clone", &input, None).await.json().await.expect("JSON");
    let sandbox_id = cloned["output"]["sandbox_id"].as_str().unwrap_or_else(|| panic!("{cloned:#}"));
    a_queue_s_message_comes_again_and_ends_with_the_dead_letters(&here, sandbox_id).await;
    an_invocation_that_fails_is_with_the_dead_letters(&here).await;
    the_schedule_drives_the_reaper(&here).await;
    here.host.interrupt().await;
    drop(here.setup);
}

async fn only_who_has_a_key_is_let_in(here: &Here) {
    let url = format!("{}/git/status", here.stack.api());
    let ask = |key: Option<String>| {
        let request = here.http.post(&url).json(&json!({}));
        let request = match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        async move { request.send().await.expect("an answer").status().as_u16() }
    };
    assert_eq!(ask(None).await, 401);
    assert_eq!(ask(Some(format!("{}x", here.key))).await, 403);
    // Let in, and told what is missing.
    assert_eq!(ask(Some(here.key.clone())).await, 400);
}

/// Agents' work; the metrics of it.
async fn the_workload_is_counted(here: &Here) -> String {
    let ledger = std::sync::Arc::new(here.ledger());
    let client = Client::quiet(&here.stack.api()).expect("a client").with_key(here.key.clone());
    let client = accounts::in_step(client, &ledger);
    let began = std::time::Instant::now();
    let work = one_after_the_other(here.stage.clone(), &client, here.control(), AGENTS);
    let worked = tokio::select! {
        worked = work => worked,
        never = kills(here, ["sequencer", "projector"]) => match never {},
    };
    worked.unwrap_or_else(|error| panic!("{error}\n{}", here.stack.aws.process.said()));
    let seen = client.seen();
    println!(
        "{} processes of the sequencer and the projector were killed meanwhile",
        KILLED.load(Ordering::Relaxed)
    );
    println!("{} operations through the API in {:.1} s", seen.len(), began.elapsed().as_secs_f64());

    // The stream drives the sequencer: everything that was appended has its place, none twice, none missing.
    let all = accounts::told(&ledger, seen.len()).await;
    assert_eq!(accounts::outcomes(&all), seen.len());
    let positions: Vec<u64> = all.iter().map(|event| event.position.as_u64()).collect();
    assert!(positions.windows(2).all(|pair| pair[1] == pair[0] + 1), "a gap in {positions:?}");
    accounts::projected(&here.stack, all.last().expect("an event").position).await;

    here.stack.aws.invoke(&Here::function("exporter"), "RequestResponse", &json!({})).await;
    here.gateway.metrics().await
}

/// The metrics of the same work by `gitledger up`, with a remote of its own.
async fn local_metrics() -> String {
    let stage = std::sync::Arc::new(Stage::set().await.expect("a remote"));
    let setup = Setup::new();
    let tokens = setup.data().with_file_name("tokens");
    accounts::write_private(&tokens, &accounts::token_lines(&stage));
    let setup = setup.with("GITLEDGER_ALLOW_REMOTES", stage.prefixes()).with("GITLEDGER_GIT_TOKENS", &tokens);
    let local = setup.start().await;
    let host = std::fs::read(setup.data().join("sandbox-host.json")).expect("the host's file");
    let host: Value = serde_json::from_slice(&host).expect("JSON");
    let key = Secret::new(host["api_key"].as_str().unwrap_or_default().to_owned());
    let control = ControlPlane::new(Endpoint::at(host["api_url"].as_str().unwrap_or_default(), key));
    let client = Client::quiet(local.url()).expect("a client");
    one_after_the_other(stage, &client, control.expect("a client"), AGENTS).await.expect("the same work");
    let told = system::client().get(format!("{}/metrics", local.url())).send().await.expect("an answer");
    let told = told.text().await.expect("a text");
    local.stop().await;
    told
}

async fn the_schedule_drives_the_reaper(here: &Here) {
    let paused = here
        .event("a schedule has the reaper pause what is idle", |fact| matches!(fact, Fact::SandboxPaused(_)));
    let paused = paused.await;
    println!("paused by the schedule: {} at {}", paused.record.stream, paused.record.recorded_at);
}

/// The caller waits a second, the relay has the function go on, and git has run once.
async fn a_slow_clone_is_gone_on_with(here: &Here) {
    let remote = &here.stage.remote;
    let requests = || remote.requests_to(APP, Of::UploadPackRefs).expect("a repository");
    let clone = |agent: &str| json!({"repo_url": here.stage.url(APP), "branch": "main", "agent_id": agent, "task_id": "t1"});
    let before = requests();
    remote.set_fault(APP, Of::UploadPack, Fault::Delay(Duration::from_secs(5))).expect("a repository");
    let answer = here.post("/git/clone", &clone("slow"), Some("wait=1")).await;
    let (status, headers) = (answer.status(), answer.headers().clone());
    assert_eq!(status, 202, "{:?}", answer.text().await);
    let place = headers["location"].to_str().expect("a place").to_owned();
    assert_eq!(here.record(&place).await.0, 202);
    here.event("the relay has somebody go on", |fact| matches!(fact, Fact::OperationResumed(_))).await;
    let ended = wait::until("the clone has ended", async || {
        let (status, told) = here.record(&place).await;
        (status == 200).then_some(told)
    });
    let ended = ended.await;
    assert_eq!(ended["outcome"], "succeeded", "{ended:#}");
    remote.set_fault(APP, Of::UploadPack, Fault::None).expect("a repository");
    let slow = requests() - before;
    let before = requests();
    assert_eq!(here.post("/git/clone", &clone("quick"), None).await.status(), 200);
    assert_eq!(slow, requests() - before, "git ran twice");
}

/// Kills whoever of these functions runs, again and again.
async fn kills(here: &Here, functions: [&str; 2]) -> std::convert::Infallible {
    let mut killed = 0;
    loop {
        for function in functions {
            for pid in here.stack.aws.processes_of(&Here::function(function)) {
                let pid = Pid::from_raw(i32::try_from(pid).expect("an id")).expect("an id");
                // It may have ended a moment ago.
                killed += u64::from(kill_process(pid, Signal::KILL).is_ok());
                KILLED.store(killed, Ordering::Relaxed);
            }
        }
        tokio::time::sleep(Duration::from_millis(1700)).await;
    }
}

/// A batch with a good and a bad message: the good one is done once, the bad one comes again.
async fn a_queue_s_message_comes_again_and_ends_with_the_dead_letters(here: &Here, sandbox_id: &str) {
    let sqs = |target: &'static str, body: Value| async move {
        here.stack.aws.action("sqs", &format!("AmazonSQS.{target}"), &body).await
    };
    let dead = sqs("CreateQueue", json!({"QueueName": "given-up"})).await;
    let dead_url = dead["QueueUrl"].as_str().expect("a queue").to_owned();
    let attributes =
        sqs("GetQueueAttributes", json!({"QueueUrl": dead_url, "AttributeNames": ["QueueArn"]})).await;
    let redrive = json!({"deadLetterTargetArn": attributes["Attributes"]["QueueArn"], "maxReceiveCount": 2});
    let queue = sqs("CreateQueue", json!({"QueueName": "requests", "Attributes": {"VisibilityTimeout": "6", "RedrivePolicy": redrive.to_string()}})).await;
    let url = queue["QueueUrl"].as_str().expect("a queue").to_owned();
    let attributes =
        sqs("GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": ["QueueArn"]})).await;
    let mapping = json!({
        "EventSourceArn": attributes["Attributes"]["QueueArn"],
        "FunctionName": Here::function("git-status"),
        "BatchSize": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    });
    let good = json!({"sandbox_id": sandbox_id});
    here.stack.send(&url, &good).await;
    here.stack.send(&url, &json!({"sandbox_id": 7})).await;
    let path = "/2015-03-31/event-source-mappings/";
    let headers = [("content-type", "application/json")];
    here.stack.aws.ask("lambda", Method::POST, path, &headers, mapping.to_string().into_bytes()).await;
    let given_up = wait::until("the bad message is with the dead letters", async || {
        here.stack.receive(&dead_url).await.into_iter().next()
    });
    assert_eq!(given_up.await, json!({"sandbox_id": 7}));
    let all = here.events().await;
    let queued = all.iter().filter(|event| {
        event.record.operation.as_deref() == Some("status")
            && matches!(event.record.fact(), Ok(Fact::OperationSucceeded(_)))
    });
    assert_eq!(queued.count(), 1, "the good message was not done once");
}

/// Nobody waits for it, it fails three times, and what was asked lies in the queue.
async fn an_invocation_that_fails_is_with_the_dead_letters(here: &Here) {
    // A function that has not started yet finds no key.
    here.stack.secret("SandboxesKey", " ").await;
    let request = json!({"sandbox_id": "sbx-of-nobody"});
    here.stack.aws.invoke(&Here::function("sandbox-resume"), "Event", &request).await;
    let letters = here.stack.id("DeadLetters").to_owned();
    let letter = wait::until("the request is with the dead letters", async || {
        let all = here.stack.receive(&letters).await;
        all.into_iter().find(|letter| letter["requestPayload"] == request)
    });
    let letter = letter.await;
    assert_eq!(letter["requestContext"]["condition"], "RetriesExhausted", "{letter:#}");
    here.stack.secret("SandboxesKey", "e2b_0").await;
}
