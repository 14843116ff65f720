//! The Lambda functions as cargo-lambda runs them, beside a running `gitledger up`: the same ledger, the same
//! sandboxes, the same answers.

mod by_hand;
mod killed;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use gitledger::remote::{Endpoint, Fault};
use gitledger_tests::origin::APP;
use gitledger_tests::{Agent, Origin, Process, Setup, program, system, tools, wait, workspace};
use serde_json::{Value, json};

/// What the watcher would build at the first call of each; built before, and selected as the watcher does:
/// by name in the whole workspace, which decides the features of dependencies.
const FUNCTIONS: [&str; 5] = ["git-clone", "git-status", "operation-get", "projector", "sandbox-reap"];

fn build() {
    let selection: Vec<&str> = FUNCTIONS.iter().flat_map(|function| ["--bin", function]).collect();
    program::built(&selection, FUNCTIONS[0]);
}

/// `cargo lambda` in the workspace with this test's own environment, because it runs cargo, less what belongs
/// to this test's own package, plus the settings of the system.
fn cargo_lambda(setup: &Setup) -> Command {
    let mut command = Command::new(tools::cargo_lambda());
    command.arg("lambda").current_dir(workspace::root());
    program::without_package(&mut command);
    for (name, _) in std::env::vars_os() {
        let settings = ["GITLEDGER_", "E2B_", "GITHUB_TOKEN", "PUSHGATEWAY_URL"];
        if settings.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.env("CARGO_TARGET_DIR", workspace::target()).env("GITLEDGER_DATA", setup.data());
    command
}

/// The settings of a function that clones from there.
fn remotes(origin: &Origin) -> [(&'static str, PathBuf); 2] {
    [("GITLEDGER_ALLOW_REMOTES", origin.remote.url().into()), ("GITLEDGER_GIT_TOKENS", origin.tokens_file())]
}

/// The functions, served.
struct Lambda<'s> {
    setup: &'s Setup,
    port: String,
    process: Process,
}

impl<'s> Lambda<'s> {
    async fn watch(setup: &'s Setup) -> Self {
        Self::watch_with(setup, &[]).await
    }

    async fn watch_with(setup: &'s Setup, settings: &[(&str, PathBuf)]) -> Self {
        let port = system::free_port().to_string();
        let mut watch = cargo_lambda(setup);
        watch.envs(settings.iter().cloned());
        watch.args(["watch", "--ignore-changes", "-A", "127.0.0.1", "-P", &port]);
        if !cfg!(debug_assertions) {
            watch.arg("--release");
        }
        let process = Process::start_group("cargo lambda watch", watch);
        wait::until("cargo lambda watch listens", async || {
            tokio::net::TcpStream::connect(format!("127.0.0.1:{port}")).await.ok()
        })
        .await;
        Self { setup, port, process }
    }

    /// What `cargo lambda invoke` prints, as JSON.
    fn invoke(&self, function: &str, data: &Path) -> Value {
        let mut invoke = cargo_lambda(self.setup);
        invoke.args(["invoke", "-A", "127.0.0.1", "-P", &self.port, function]).arg("--data-file").arg(data);
        let output = invoke.stdin(Stdio::null()).output().expect("cargo lambda invoke starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "invoke {function}: {said}\nwatch said:\n{}", self.process.said());
        serde_json::from_slice(&output.stdout).expect("JSON on standard output")
    }
}

/// A sample trigger with a real sandbox in it.
fn trigger(setup: &Setup, name: &str, sandbox_id: &str) -> std::path::PathBuf {
    let sample = workspace::root().join("events/triggers").join(name);
    let text = std::fs::read_to_string(&sample).expect("a sample trigger");
    let file = setup.data().with_file_name(name);
    std::fs::write(&file, text.replace("SANDBOX_ID", sandbox_id)).expect("a file");
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_invoked_by_cargo_lambda_answers_as_the_gateway_does() {
    build();
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    agent.operate("file-write", json!({"path": "new.txt", "content": "new\n"})).await;
    let expected = agent.operate("status", json!({})).await["output"].clone();
    assert_eq!(expected["untracked"], json!(["new.txt"]));

    let lambda = Lambda::watch(&setup).await;
    let direct = lambda.invoke("git-status", &trigger(&setup, "git-status.json", agent.sandbox_id()));
    assert_eq!(direct["outcome"], "succeeded", "{direct:#}");
    assert_eq!(direct["output"], expected);

    let gateway = trigger(&setup, "git-status.api-gateway-v2.json", agent.sandbox_id());
    let response = lambda.invoke("git-status", &gateway);
    assert_eq!(response["statusCode"], 200, "{response:#}");
    let body: Value = serde_json::from_str(response["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!(body["output"], expected);

    // The README's way: the same route as API Gateway's.
    let url = format!("http://127.0.0.1:{}/git/status", lambda.port);
    let asked = system::client().post(url).json(&json!({"sandbox_id": agent.sandbox_id()}));
    let answered = asked.send().await.expect("the watcher answers");
    assert_eq!(answered.status(), 200, "{}", lambda.process.said());
    assert_eq!(answered.json::<Value>().await.expect("JSON")["output"], expected);

    let schedule = trigger(&setup, "schedule.json", "");
    let caught_up = lambda.invoke("projector", &schedule);
    assert!(caught_up["position"].as_u64().is_some_and(|position| position > 0), "{caught_up}");
    let reaped = lambda.invoke("sandbox-reap", &schedule);
    assert_eq!(reaped["outcome"], "succeeded", "{reaped:#}");
    assert_eq!(reaped["output"]["sandboxes_leaked"], 0, "{reaped:#}");

    // What the functions did is in the same ledger, and the reaper took nothing from the living.
    let (_, told) =
        system.get(&format!("/operations/{}", direct["operation_id"].as_str().unwrap_or_default())).await;
    assert_eq!(told["operation_id"], direct["operation_id"], "{told:#}");
    assert_eq!(told["outcome"], "succeeded", "{told:#}");
    assert_eq!(agent.operate("status", json!({})).await["output"], expected);
    lambda.process.interrupt_group().await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_behind_http_asks_for_a_key_where_a_file_of_keys_is_named() {
    build();
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let (worker, stranger) = (setup.key("worker", &[]), setup.key("stranger", &[]));
    let system = setup.start().await;
    let input = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
    let clone = system.request(reqwest::Method::POST, "/git/clone").bearer_auth(&worker).json(&input);
    let (_, cloned) = system.send(clone).await;
    let sandbox_id = cloned["output"]["sandbox_id"].as_str().expect("a sandbox").to_owned();
    let keys = setup.data().join("keys.json");
    let lambda = Lambda::watch_with(&setup, &[("GITLEDGER_API_KEYS_FILE", keys)]).await;

    let before = setup.events().len();
    let file = trigger(&setup, "git-status.api-gateway-v2.json", &sandbox_id);
    let sample: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
    let with = |header: Option<String>| {
        let mut event = sample.clone();
        if let Some(header) = header {
            event["headers"]["authorization"] = json!(header);
        }
        std::fs::write(&file, event.to_string()).expect("a file");
        lambda.invoke("git-status", &file)
    };
    for (header, status) in [
        (None, 401),
        (Some("Basic eDp5".to_owned()), 401),
        (Some(format!("Bearer {worker}x")), 401),
        (Some(format!("Bearer {stranger}")), 403),
    ] {
        let response = with(header);
        assert_eq!(response["statusCode"], status, "{response:#}");
        let challenge = (status == 401).then_some("Bearer");
        assert_eq!(response["headers"]["www-authenticate"].as_str(), challenge, "{response:#}");
    }
    assert_eq!(setup.events().len(), before, "something was recorded");
    let response = with(Some(format!("Bearer {worker}")));
    assert_eq!(response["statusCode"], 200, "{response:#}");
    // Whoever may invoke it directly was let in by IAM.
    let direct = lambda.invoke("git-status", &trigger(&setup, "git-status.json", &sandbox_id));
    assert_eq!(direct["outcome"], "succeeded", "{direct:#}");
    lambda.process.interrupt_group().await;
    system.stop().await;
}

/// The function's trigger as API Gateway sends it, with this body and these headers.
fn over_http(
    setup: &Setup,
    path: &str,
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> std::path::PathBuf {
    let sample =
        if body.is_some() { "git-status.api-gateway-v2.json" } else { "operation-get.api-gateway-v2.json" };
    let text =
        std::fs::read_to_string(workspace::root().join("events/triggers").join(sample)).expect("a sample");
    let mut event: Value = serde_json::from_str(&text).expect("JSON");
    event["headers"].as_object_mut().expect("headers").remove("idempotency-key");
    for (name, value) in headers {
        event["headers"][name] = json!(value);
    }
    event["requestContext"]["http"]["path"] = json!(path);
    event["rawPath"] = json!(path);
    if let Some(body) = body {
        event["body"] = json!(body.to_string());
    }
    let file = setup.data().with_file_name("http.json");
    std::fs::write(&file, event.to_string()).expect("a file");
    file
}

/// The types of an operation's events, in order.
fn happened(setup: &Setup, id: &str) -> Vec<String> {
    let of_it = |event: &&Value| event["subject"].as_str().is_some_and(|subject| subject.contains(id));
    let events = setup.events();
    let names = events.iter().filter(of_it).filter_map(|event| event["type"].as_str());
    names.map(|name| name.trim_start_matches("gitledger.").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_whose_caller_waits_no_longer_is_gone_on_with_and_runs_once() {
    build();
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let lambda = Lambda::watch_with(&setup, &remotes(&origin)).await;
    // git waits in the sandbox for as long as nobody waits for it.
    origin
        .remote
        .set_fault(APP, Endpoint::UploadPack, Fault::Delay(Duration::from_secs(4)))
        .expect("a repository");

    let input = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
    let prefer =
        [("prefer", "wait=1"), ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    let response = lambda.invoke("git-clone", &over_http(&setup, "/git/clone", Some(&input), &prefer));
    assert_eq!(response["statusCode"], 202, "{response:#}");
    let place = response["headers"]["location"].as_str().expect("a place to look").to_owned();
    let id = place.trim_start_matches("/operations/").to_owned();
    assert!(
        happened(&setup, &id).ends_with(&["OperationDeferred".to_owned()]),
        "{:?}",
        happened(&setup, &id)
    );

    let first_requests = || origin.remote.requests_to(APP, Endpoint::UploadPackRefs).expect("a repository");
    let record = || lambda.invoke("operation-get", &over_http(&setup, &place, None, &[]));
    assert_eq!(record()["statusCode"], 202);
    let resume = setup.data().with_file_name("resume.json");
    std::fs::write(&resume, json!({"resume": id}).to_string()).expect("a file");
    let done = lambda.invoke("git-clone", &resume);
    assert_eq!(done["outcome"], "succeeded", "{done:#}\n{}", lambda.process.said());
    assert_eq!(done["operation_id"], json!(id));
    let told = record();
    assert_eq!(told["statusCode"], 200, "{told:#}");
    // A second time it is only told again.
    assert_eq!(lambda.invoke("git-clone", &resume)["replayed"], true);
    let with_a_break = first_requests();
    let names = happened(&setup, &id);
    for (name, times) in [
        ("OperationRequested", 1),
        ("OperationDeferred", 1),
        ("OperationResumed", 1),
        ("OperationSucceeded", 1),
    ] {
        assert_eq!(names.iter().filter(|found| *found == name).count(), times, "{name} in {names:?}");
    }
    let traced =
        setup.events().iter().any(|event| event.to_string().contains("4bf92f35-77b3-4da6-a3ce-929d0e0e4736"));
    assert!(traced, "the caller's trace is in no event");

    origin.remote.set_fault(APP, Endpoint::UploadPack, Fault::None).expect("a repository");
    // Who does not wait at all is answered before anything is begun.
    let response = lambda.invoke(
        "git-clone",
        &over_http(
            &setup,
            "/git/clone",
            Some(&json!({"repo_url": origin.app(), "agent_id": "a2", "task_id": "t1"})),
            &[("prefer", "respond-async")],
        ),
    );
    assert_eq!(response["statusCode"], 202, "{response:#}");
    let id = response["headers"]["location"]
        .as_str()
        .expect("a place")
        .trim_start_matches("/operations/")
        .to_owned();
    assert_eq!(happened(&setup, &id), ["OperationRequested", "OperationDeferred"]);
    std::fs::write(&resume, json!({"resume": id}).to_string()).expect("a file");
    assert_eq!(lambda.invoke("git-clone", &resume)["outcome"], "succeeded");
    // With a break in its middle a clone has asked the remote as often as without.
    assert_eq!(first_requests(), 2 * with_a_break, "git ran twice");
    lambda.process.interrupt_group().await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_answers_when_its_caller_waits_no_longer_and_goes_on() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    origin
        .remote
        .set_fault(APP, Endpoint::UploadPack, Fault::Delay(Duration::from_secs(3)))
        .expect("a repository");
    let input = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
    let clone = || system.request(reqwest::Method::POST, "/git/clone").json(&input);
    let (status, later) = system.send(clone().header("Prefer", "wait=1")).await;
    assert_eq!((status, later["outcome"].as_str()), (202, Some("unknown")), "{later:#}");
    let place = format!("/operations/{}", later["operation_id"].as_str().expect("an id"));
    let ended = wait::until("the clone has ended", async || {
        let (status, told) = system.get(&place).await;
        (status == 200).then_some(told)
    });
    assert_eq!(ended.await["outcome"], "succeeded");
    // A mistake is told at once, and a read is waited for.
    let wrong = system.request(reqwest::Method::POST, "/git/clone").json(&json!({"repo_url": 7}));
    assert_eq!(system.send(wrong.header("Prefer", "respond-async")).await.0, 400);
    system.stop().await;
}
