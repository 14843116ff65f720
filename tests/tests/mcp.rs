//! git operations as MCP tools, asked by the official client: over stdio, over HTTP, and through a forwarder.
//!
//! `GITLEDGER_REWRITE=1 cargo test -p gitledger-tests --test mcp` writes the list of tools anew.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use gitledger::mcp::tools;
use gitledger_operations::{Declaration, table};
use gitledger_tests::tools::{mcp_inspector, mcp_sdk};
use gitledger_tests::{Origin, Process, Setup, System, workspace};
use serde_json::{Value, json};

/// The newest protocol that both know, and the handshake of those before it.
const MODES: [&str; 2] = ["auto", "legacy"];

fn snapshot() -> PathBuf {
    workspace::root().join("tests/tests/mcp_tools.json")
}

#[test]
fn the_list_of_tools_is_the_one_that_was_last_looked_at() {
    let wanted = format!("{:#}\n", json!(tools::all()));
    if std::env::var_os("GITLEDGER_REWRITE").is_some_and(|value| value == "1") {
        fs::write(snapshot(), &wanted).expect("the snapshot is written");
    }
    let found = fs::read_to_string(snapshot()).unwrap_or_default();
    assert!(
        found == wanted,
        "tests/tests/mcp_tools.json: rewrite it with GITLEDGER_REWRITE=1, and look at it"
    );
}

#[test]
fn every_operation_of_the_table_is_a_tool_with_its_help_and_its_fields() {
    let tools = json!(tools::all());
    let tools = tools.as_array().expect("a list");
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect();
    let wanted: Vec<_> = table::all().map(Declaration::tool).collect();
    assert_eq!(names, wanted);
    for (tool, operation) in tools.iter().zip(table::all()) {
        let name = operation.name;
        assert_eq!(tool["description"], operation.help(), "{name}");
        let mut input = fields(&(operation.input_schema)().to_value());
        input.insert("idempotency_key".to_owned());
        assert_eq!(fields(&tool["inputSchema"]), input, "{name}");
        let told = fields(&tool["outputSchema"]);
        assert!(
            told.contains("success") && told.contains("error") && told.contains("operation_id"),
            "{name}"
        );
        for field in fields(&(operation.output_schema)().to_value()) {
            assert!(told.contains(&field), "{name} tells its {field} under that name");
        }
        none_elsewhere(tool);
    }
}

fn fields(schema: &Value) -> BTreeSet<String> {
    schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// Whatever a schema refers to is inside it.
fn none_elsewhere(tool: &Value) {
    for schema in [&tool["inputSchema"], &tool["outputSchema"]] {
        let mut open = vec![schema];
        while let Some(value) = open.pop() {
            if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                let inside = reference.strip_prefix('#').and_then(|pointer| schema.pointer(pointer));
                assert!(inside.is_some(), "{}: {reference}", tool["name"]);
            }
            open.extend(value.as_object().into_iter().flatten().map(|(_, value)| value));
            open.extend(value.as_array().into_iter().flatten());
        }
    }
}

/// `gitledger mcp` with what a setup gives it, for a client that starts it.
struct Started {
    program: String,
    env: Vec<(String, String)>,
}

impl Started {
    fn with(setup: &Setup) -> Self {
        let command = setup.command(&[]);
        let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
        let env = command.get_envs().filter_map(|(name, value)| Some((text(name), text(value?)))).collect();
        Self { program: text(command.get_program()), env }
    }
}

/// Runs the script of the official client, which must end well; the commit that it says it pushed is the
/// remote's.
async fn works(mode: &str, transport: &str, place: &[&str], env: &[(String, String)], origin: &Origin) {
    let mut script = mcp_sdk().command();
    script.arg(workspace::root().join("tests/tests/mcp_check.py")).args([mode, transport]).args(place);
    script.envs(env.iter().cloned()).env("ORIGIN_URL", origin.app()).env("MCP_TOOLS", snapshot());
    let (status, said) = Process::start(&format!("mcp {mode} {transport}"), script).ended().await;
    assert!(status.success(), "{mode} {transport}: {status}\n{said}");
    let pushed = said.lines().find_map(|line| line.strip_prefix("pushed ")).expect("it tells what it pushed");
    let (branch, commit) = pushed.split_once(' ').expect("branch and commit");
    assert_eq!(origin.tip(branch).as_deref(), Some(commit), "{mode} {transport}: the remote has it");
    assert_eq!(said.contains("protocol 2026-"), mode == "auto", "{said}");
}

/// No operation is without its outcome, the one that was given up included.
fn all_ended(setup: &Setup) {
    let events = setup.events();
    let of_kind = |kinds: &[&str]| -> BTreeSet<String> {
        let is = |event: &&Value| kinds.iter().any(|kind| event["type"] == format!("gitledger.{kind}"));
        events.iter().filter(is).map(|event| event["subject"].to_string()).collect()
    };
    let begun = of_kind(&["OperationRequested"]);
    assert_eq!(begun, of_kind(&["OperationSucceeded", "OperationFailed"]));
    let given_up = events.iter().filter(|event| event["taskid"] == "given-up").count();
    assert!(given_up >= 2, "the call that was given up is in the ledger from beginning to end: {events:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_works_over_stdio() {
    let origin = Origin::start().await;
    for mode in MODES {
        let setup = Setup::new().admitting(&origin);
        let started = Started::with(&setup);
        works(mode, "stdio", &[&started.program, "mcp"], &started.env, &origin).await;
        all_ended(&setup);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_works_over_http() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    for mode in MODES {
        works(mode, "http", &[&format!("{}/mcp", system.url())], &[], &origin).await;
    }
    system.stop().await;
    all_ended(&setup);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_works_through_a_forwarder() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let started = Started::with(&setup);
    let place = [started.program.as_str(), "mcp", "--url", system.url()];
    works("legacy", "stdio", &place, &started.env, &origin).await;
    system.stop().await;
    all_ended(&setup);
}

/// `gitledger mcp`, spoken to line by line.
struct Spoken {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Spoken {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("gitledger mcp starts");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().expect("a pipe"));
        Self { child, stdin, stdout: BufReader::new(stdout) }
    }

    fn say(&mut self, message: &Value) {
        writeln!(self.stdin.as_mut().expect("it still listens"), "{message}").expect("it reads");
    }

    /// A clone that wants to hear how it goes, as message 2.
    fn ask_for_a_clone(&mut self, url: &str) {
        let about = json!({"protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"}});
        let arguments = json!({"repo_url": url, "agent_id": "a", "task_id": "given-up"});
        let call = json!({"name": "git_clone", "arguments": arguments, "_meta": {"progressToken": "p"}});
        self.say(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about}));
        self.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        self.say(&json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}));
    }

    /// The next message; `None` at the end.
    fn hear(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("text");
        (!line.is_empty()).then(|| serde_json::from_str(&line).expect("nothing but the protocol"))
    }

    fn hear_until(&mut self, id: u64) -> Vec<Value> {
        let mut heard = Vec::new();
        while let Some(message) = self.hear() {
            let is_last = message["id"] == id;
            heard.push(message);
            if is_last {
                return heard;
            }
        }
        panic!("no answer to {id}: {heard:#?}");
    }

    /// Says no more; the rest of what it says, to its good end.
    fn end(mut self) -> Vec<Value> {
        self.stdin = None;
        let rest = std::iter::from_fn(|| self.hear()).collect();
        let mut log = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut log).expect("text");
        let status = self.child.wait().expect("its end");
        assert!(status.success(), "{status}\n{log}");
        assert!(log.contains("stopped; every operation has its outcome"), "{log}");
        rest
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_only_grows_and_ends_before_the_result() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let (command, url) = (setup.command(&["mcp"]), origin.app());
    let (until, after) = tokio::task::spawn_blocking(move || {
        let mut spoken = Spoken::start(command);
        spoken.ask_for_a_clone(&url);
        let until = spoken.hear_until(2);
        spoken.say(&json!({"jsonrpc": "2.0", "id": 3, "method": "ping"}));
        let after = spoken.hear_until(3);
        (until, [after, spoken.end()].concat())
    })
    .await
    .expect("no panic");
    let told = |message: &&Value| message["method"] == "notifications/progress";
    let progress: Vec<&Value> = until.iter().filter(told).map(|message| &message["params"]).collect();
    let so_far: Vec<f64> = progress.iter().filter_map(|told| told["progress"].as_f64()).collect();
    assert!(!so_far.is_empty() && so_far.windows(2).all(|pair| pair[0] < pair[1]), "{progress:#?}");
    assert!(progress.iter().all(|told| told["progressToken"] == "p"), "{progress:#?}");
    assert_eq!(after.iter().filter(told).count(), 0, "{after:#?}");
    assert_eq!(after.len(), 1, "{after:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_through_a_gateway_that_requires_keys_tells_what_happens() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let key = setup.key("mcp", &["--admin"]);
    // Long enough to be looked at meanwhile.
    let system = setup.start_with(&["--require-keys", "--create-latency", "2s"]).await;
    let (mut command, url) = (setup.command(&["mcp", "--url", system.url()]), origin.app());
    command.env("GITLEDGER_API_KEY", key);
    let heard = tokio::task::spawn_blocking(move || {
        let mut spoken = Spoken::start(command);
        spoken.ask_for_a_clone(&url);
        let heard = spoken.hear_until(2);
        spoken.stdin = None;
        spoken.child.wait().expect("its end");
        heard
    });
    let heard = heard.await.expect("no panic");
    assert_eq!(heard.last().expect("an answer")["result"]["isError"], false, "{heard:#?}");
    let told = |what: &str| {
        heard.iter().any(|message| message["params"]["message"].as_str().is_some_and(|m| m.contains(what)))
    };
    assert!(told("operation requested") && told("sandbox requested"), "{heard:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_when_standard_input_ends_is_brought_to_its_end() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let (command, url) = (setup.command(&["mcp"]), origin.app());
    let said = tokio::task::spawn_blocking(move || {
        let mut spoken = Spoken::start(command);
        spoken.ask_for_a_clone(&url);
        spoken.end()
    });
    let said = said.await.expect("no panic");
    let answer = said.last().expect("it says something");
    assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!(2), &json!(false)), "{said:#?}");
    all_ended(&setup);
}

async fn asked_by(system: &System, origin: Option<&str>) -> (u16, Value) {
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let mut request = system.request(reqwest::Method::POST, "/mcp").json(&list);
    request = request.header("accept", "application/json, text/event-stream");
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    system.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_cannot_call_tools() {
    let setup = Setup::new();
    let system = setup.start().await;
    let (status, answer) = asked_by(&system, None).await;
    assert_eq!(
        (status, answer["result"]["tools"].as_array().map(Vec::len)),
        (200, Some(table::all().count()))
    );
    let (status, answer) = asked_by(&system, Some("http://evil.example")).await;
    assert_eq!((status, &answer["field"]), (403, &json!("Origin")));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_routes_names_the_one_of_the_tools() {
    let setup = Setup::new();
    let system = setup.start().await;
    let (_, index) = system.get("/").await;
    let mut routes =
        index["others"].as_array().expect("routes").iter().filter_map(|line| line["route"].as_str());
    assert!(routes.any(|route| route == "POST /mcp"), "{index:#}");
    system.stop().await;
}

/// The tools that Inspector lists, when it has nothing to complain about.
async fn inspected(server: &[&str], env: &[(String, String)]) -> Value {
    let mut inspector = mcp_inspector();
    inspector.arg("--cli").args(server).args(["--method", "tools/list", "--strict"]);
    // What it starts gets nothing of its environment but what it is told to pass on.
    inspector.args(env.iter().flat_map(|(name, value)| ["-e".to_owned(), format!("{name}={value}")]));
    let output = tokio::task::spawn_blocking(move || inspector.stdin(Stdio::null()).output());
    let output = output.await.expect("no panic").expect("Inspector starts");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{log}", output.status);
    for complaint in ["arning", "rror", "portability"] {
        assert!(!log.contains(complaint), "{log}");
    }
    serde_json::from_slice(&output.stdout).expect("a list")
}

#[tokio::test(flavor = "multi_thread")]
async fn inspector_lists_the_tools_without_a_complaint() {
    let setup = Setup::new();
    let started = Started::with(&setup);
    let wanted: Value = serde_json::from_slice(&fs::read(snapshot()).expect("the snapshot")).expect("JSON");
    let over_stdio = inspected(&[&started.program, "mcp"], &started.env).await;
    assert_eq!(over_stdio["tools"], wanted);
    let system = setup.start().await;
    let url = format!("{}/mcp", system.url());
    let over_http = inspected(&[&url, "--transport", "http"], &[]).await;
    assert_eq!(over_http["tools"], wanted);
    system.stop().await;
}
