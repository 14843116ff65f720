//! The Lambda functions as cargo-lambda runs them, beside a running `gitledger up`: the same ledger, the same
//! sandboxes, the same answers.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use gitledger_tests::{Agent, Origin, Process, Setup, program, tools, wait, workspace};
use serde_json::{Value, json};

/// What the watcher would build at the first call of each; built before, and selected as the watcher does:
/// by name in the whole workspace, which decides the features of dependencies.
const FUNCTIONS: [&str; 3] = ["git-status", "projector", "sandbox-reap"];

fn build() {
    let selection: Vec<&str> = FUNCTIONS.iter().flat_map(|function| ["--bin", function]).collect();
    program::built(&selection, FUNCTIONS[0]);
}

/// A port that was free a moment ago: cargo-lambda takes no zero.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
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

    async fn watch_with(setup: &'s Setup, settings: &[(&str, &Path)]) -> Self {
        let port = free_port().to_string();
        let mut watch = cargo_lambda(setup);
        watch.envs(settings.iter().copied());
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
    let lambda = Lambda::watch_with(&setup, &[("GITLEDGER_API_KEYS_FILE", &keys)]).await;

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
