//! The OpenAPI document is valid, and the gateway is what it says: schemathesis asks, with all of its checks.
//!
//! `GITLEDGER_EXAMPLES=1000 cargo test -p gitledger-tests --test openapi` is the long run.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use gitledger_operations::table::OPERATIONS;
use gitledger_operations::{Declaration, Place, Remotes};
use gitledger_tests::{Origin, Setup, System, tools, workspace};
use serde_json::{Value, json};

/// How many requests are made up in all, shared out to the operations. `GITLEDGER_EXAMPLES` says how many for each.
const EXAMPLES: usize = 130;
/// So many for each there are at least.
const EXAMPLES_MIN: usize = 3;

fn schemathesis(system: &System, sandbox: &str, origin: &Origin) -> Command {
    let python = tools::schemathesis();
    let folder = workspace::root().join("tests/python");
    let mut command = python.command();
    command.args(["-m", "schemathesis.cli", "--config-file"]).arg(folder.join("schemathesis.toml"));
    command.arg("run").arg(format!("{}/openapi.json", system.url()));
    // The same examples each time, unless many are asked for: then the more the better.
    let examples = match std::env::var("GITLEDGER_EXAMPLES") {
        Err(_) => {
            command.arg("--generation-deterministic");
            (EXAMPLES / OPERATIONS.len()).max(EXAMPLES_MIN).to_string()
        }
        Ok(given) => {
            command.args(["--generation-database", "none"]);
            given
        }
    };
    command.args(["--checks", "all", "--continue-on-failure"]);
    command.args(["--warnings", "off", "--request-timeout", "60"]);
    command.args(["--max-examples", &examples]);
    command.env("SCHEMATHESIS_HOOKS", folder.join("schemathesis_hooks.py"));
    command.env("SANDBOX_ID", sandbox).env("ORIGIN_URL", origin.app()).env("NO_COLOR", "1");
    command.env("LC_ALL", "C.UTF-8").current_dir(system.data());
    command
}

async fn run(mut command: Command) -> Output {
    // Not under the patience of the other tests: the long run takes its time.
    let ran = tokio::task::spawn_blocking(move || command.output()).await.expect("it ran");
    ran.expect("it starts")
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// How often each operation ended well and not, as the ledger has it.
fn outcomes(setup: &Setup) -> BTreeMap<String, (usize, usize)> {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for event in setup.events() {
        let (ended, name) = (event["type"].as_str(), event["operation"].as_str().unwrap_or_default());
        let count = counts.entry(name.to_owned()).or_default();
        match ended {
            Some("gitledger.OperationSucceeded") => count.0 += 1,
            Some("gitledger.OperationFailed") => count.1 += 1,
            _ => {}
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_answers_as_its_document_says() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let clone = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "openapi"});
    let answer = system.operate("clone", &clone).await;
    let sandbox = answer["output"]["sandbox_id"].as_str().expect("a sandbox").to_owned();

    let output = run(schemathesis(&system, &sandbox, &origin)).await;
    assert!(output.status.success(), "{}\nthe program said:\n{}", said(&output), system.log());

    println!("{}", said(&output));

    // Requests that all end at the door would show nothing.
    let outcomes = outcomes(&setup);
    let asks_the_ledger = |operation: &&Declaration| {
        let asked = operation.ask(operation.example(), &Remotes::default());
        asked.is_ok_and(|asked| asked.place() == Place::Ledger)
    };
    // What only asks the ledger is not recorded in it.
    for operation in OPERATIONS.iter().filter(|operation| !asks_the_ledger(operation)) {
        let (well, badly) = outcomes.get(operation.name).copied().unwrap_or_default();
        println!("{:14} {well:5} succeeded {badly:5} failed", operation.name);
        assert!(well + badly > 0, "{}: no request got as far as the ledger", operation.name);
    }
    let well: usize = outcomes.values().map(|(well, _)| well).sum();
    assert!(well > EXAMPLES / 5, "only {well} requests did what they asked: {outcomes:?}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_valid_openapi() {
    let setup = Setup::new();
    let system = setup.start().await;
    let (status, document) = system.get("/openapi.json").await;
    assert_eq!((status, &document["openapi"]), (200, &Value::from("3.1.0")));
    let file = system.data().join("openapi.json");
    std::fs::write(&file, document.to_string()).expect("written");
    let mut command = tools::schemathesis().command();
    command.args(["-m", "openapi_spec_validator", "--schema", "3.1.0"]).arg(&file);
    let output = run(command).await;
    assert!(output.status.success(), "{}", said(&output));
    system.stop().await;
}
