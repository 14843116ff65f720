//! The functions as `cargo lambda watch` serves them at the API's routes, with the ledger on DynamoDB and a pump in
//! the place of what follows its stream in AWS.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use gitledger::demo::{Client, Stage, one_after_the_other};
use gitledger_ledger::dynamo::{DynamoLedger, DynamoSettings, StreamReader};
use gitledger_sandboxes::{ControlPlane, Endpoint, Secret};
use gitledger_tests::monitoring::Pushgateway;
use gitledger_tests::{Process, Setup, program, system, tools, wait, workspace};
use serde_json::{Value, json};

use crate::ministack::Ministack;
use crate::{AGENTS, accounts, local_metrics};

/// What the workload asks for, and what works behind it.
const FUNCTIONS: [&str; 14] = [
    "git-clone",
    "git-file-write",
    "git-status",
    "git-add",
    "git-diff",
    "git-commit",
    "git-push",
    "git-fetch",
    "git-switch",
    "git-log",
    "git-branch-list",
    "sequencer",
    "projector",
    "exporter",
];

/// As the watcher builds them: with AWS, and in the whole workspace.
fn build() {
    let bins = FUNCTIONS.iter().flat_map(|function| ["--bin", function]);
    let selection: Vec<&str> = bins.chain(["--features", "gitledger-functions/aws"]).collect();
    program::built(&selection, FUNCTIONS[0]);
}

/// Has the functions do what the stream and the schedule have them do in AWS.
async fn pump(settings: DynamoSettings, watch: String) -> Result<std::convert::Infallible, String> {
    let http = system::client();
    let mut reader = StreamReader::new(&settings, http.clone()).map_err(|error| error.to_string())?;
    let invoke = async |function: &str, event: Value| {
        let url = format!("{watch}/2015-03-31/functions/{function}/invocations");
        let answer = http.post(url).json(&event).send().await.map_err(|error| error.to_string())?;
        let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
        let failed = text.contains("errorMessage") || text.contains("itemIdentifier");
        if status.is_success() && !failed { Ok(()) } else { Err(format!("{function}: {status} {text}")) }
    };
    loop {
        let batch = reader.next().await.map_err(|error| error.to_string())?;
        let records = batch.records.iter().map(|record| {
            let change =
                json!({"SequenceNumber": record.dynamodb.sequence_number, "NewImage": record.dynamodb.image});
            json!({"eventName": record.name, "eventSource": "aws:dynamodb", "dynamodb": change})
        });
        let records: Vec<Value> = records.collect();
        if records.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        invoke("sequencer", json!({ "Records": records })).await?;
        invoke("projector", json!({})).await?;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: fourteen functions are built for it"]
async fn watched_functions_with_a_pump_count_as_on_one_machine() {
    build();
    let (aws, stage, setup) =
        (Ministack::start().await, Arc::new(Stage::set().await.expect("a remote")), Setup::new());
    let settings = aws.settings("watched-events", "watched-log");
    let ledger = Arc::new(DynamoLedger::new(settings.clone(), system::client()).expect("a ledger"));
    ledger.create_tables().await.expect("tables");
    let port = system::free_port().to_string();
    let files = setup.data().with_file_name("host");
    let host = setup.command(&["sandbox-host", "--port", &port, "--data", &files.to_string_lossy()]);
    let mut host = Process::start("gitledger sandbox-host", host);
    host.line("its address", |line| line.starts_with("sandbox host on ").then_some(())).await;
    let host_url = format!("http://127.0.0.1:{port}");
    let gateway = Pushgateway::start().await;
    let key = setup.key("agents", &[]);
    let tokens = setup.data().with_file_name("tokens");
    accounts::write_private(&tokens, &accounts::token_lines(&stage));

    let port = system::free_port().to_string();
    let mut watch = Command::new(tools::cargo_lambda());
    watch.arg("lambda").current_dir(workspace::root());
    program::without_package(&mut watch);
    watch.env("CARGO_TARGET_DIR", workspace::target()).env("GITLEDGER_DATA", setup.data());
    watch
        .env("GITLEDGER_LEDGER", "dynamodb")
        .env("DYNAMODB_ENDPOINT", &aws.url)
        .env("AWS_REGION", "us-east-1");
    watch.env("GITLEDGER_EVENTS_TABLE", "watched-events").env("GITLEDGER_LOG_TABLE", "watched-log");
    watch.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    watch.env("E2B_API_KEY", "e2b_0").env("E2B_API_URL", &host_url).env("E2B_SANDBOX_URL", &host_url);
    watch.env("GITLEDGER_ALLOW_REMOTES", stage.prefixes()).env("GITLEDGER_GIT_TOKENS", &tokens);
    watch
        .env("GITLEDGER_API_KEYS_FILE", setup.data().join("keys.json"))
        .env("PUSHGATEWAY_URL", gateway.url());
    watch.args(["watch", "--ignore-changes", "-A", "127.0.0.1", "-P", &port]);
    watch.args(["--features", "gitledger-functions/aws"]);
    let process = Process::start_group("cargo lambda watch", watch);
    let url = format!("http://127.0.0.1:{port}");
    wait::until("cargo lambda watch listens", async || {
        tokio::net::TcpStream::connect(format!("127.0.0.1:{port}")).await.ok()
    })
    .await;

    let client = Client::quiet(&url).expect("a client").with_key(key);
    let client = accounts::in_step(client, &ledger);
    let control =
        ControlPlane::new(Endpoint::at(&host_url, Secret::new("e2b_0".to_owned()))).expect("a client");
    let work = async {
        one_after_the_other(stage.clone(), &client, control, AGENTS).await?;
        // Everything that was answered has its place before it is counted.
        accounts::told(&ledger, client.seen().len()).await;
        Ok::<(), String>(())
    };
    tokio::select! {
        worked = work => worked.unwrap_or_else(|error| panic!("{error}\n{}", process.said())),
        ended = pump(settings, url.clone()) => panic!("the pump: {:?}\n{}", ended.err(), process.said()),
    }
    let exported = format!("{url}/2015-03-31/functions/exporter/invocations");
    let exported = system::client().post(exported).json(&json!({})).send().await.expect("an answer");
    assert!(exported.status().is_success(), "{:?}\n{}", exported.text().await, process.said());
    accounts::same(&gateway.metrics().await, &local_metrics().await);
    process.interrupt_group().await;
    host.interrupt().await;
}
