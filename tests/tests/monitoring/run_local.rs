//! monitoring/run-local: one command starts everything, Ctrl-C ends it, and nothing is left.

use std::process::Command;

use gitledger_tests::wait::until;
use gitledger_tests::{Process, Setup, program, system, tools};
use serde_json::Value;

use crate::files::{alerts, list, path, word};

/// What it prints about a part: `prometheus     http://127.0.0.1:40123`.
async fn address(process: &mut Process, part: &str) -> String {
    let found =
        |line: &str| line.strip_prefix(part)?.trim().strip_prefix("http").map(|rest| format!("http{rest}"));
    process.line(part, found).await
}

async fn json(url: &str) -> Value {
    let text = match system::client().get(url).send().await {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(error) => panic!("{url}: {error}"),
    };
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {text}: {error}"))
}

fn run_local(setup: &Setup, arguments: &[&str]) -> Process {
    let programs = [
        tools::prometheus(),
        tools::pushgateway(),
        tools::alertmanager(),
        tools::nats_server(),
        tools::bwrap(),
    ];
    let mut command = Command::new(path("monitoring/run-local"));
    command.args(arguments).env("GITLEDGER_DATA", setup.data());
    let programs: Vec<_> = programs.iter().map(std::path::PathBuf::as_path).collect();
    command.env("PATH", tools::path_with(&programs));
    Process::start("run-local", command)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_starts_everything_and_ctrl_c_ends_it() {
    let (setup, data) = (Setup::new(), system::temporary());
    let data = data.path().to_string_lossy().into_owned();
    let gitledger = program::gitledger().to_string_lossy().into_owned();
    let mut running = run_local(&setup, &["--free-ports", "--data", &data, "--gitledger", &gitledger]);
    running.line("it is ready", |line| line.starts_with("ready").then_some(())).await;
    let prometheus = address(&mut running, "prometheus").await;
    let alertmanager = address(&mut running, "alertmanager").await;
    let gateway = address(&mut running, "gitledger").await;
    let nats = address(&mut running, "nats").await;
    assert_eq!(json(&format!("{gateway}/healthz")).await["status"], "ok");

    // The whole way: gitledger publishes, Prometheus scrapes under the right labels and knows the rules.
    let client = system::client();
    let series =
        format!("{prometheus}/api/v1/series?match[]=git_projector_position%7Bjob=%22git_projector%22%7D");
    until("the position in Prometheus", async || {
        let found = json(&series).await;
        word(&found["data"][0]["instance"]).starts_with('v').then_some(())
    })
    .await;
    let groups = json(&format!("{prometheus}/api/v1/rules?type=alert")).await;
    let groups = list(&groups["data"]["groups"]);
    let loaded: usize = groups.iter().map(|group| list(&group["rules"]).len()).sum();
    assert_eq!(loaded, alerts().len());
    let managers = json(&format!("{prometheus}/api/v1/alertmanagers")).await;
    let manager = word(&managers["data"]["activeAlertmanagers"][0]["url"]);
    assert_eq!(manager, format!("{alertmanager}/api/v2/alerts"));
    assert_eq!(json(&format!("{alertmanager}/api/v2/status")).await["cluster"]["status"], "disabled");

    // Two jobs: the Pushgateway's, and the gateway's own numbers, of which no other comes with them.
    let own =
        format!("{prometheus}/api/v1/series?match[]=%7Bjob=%22gitledger%22,__name__!~%22up|scrape_.*%22%7D");
    until("the gateway's own numbers", async || {
        let found = json(&own).await;
        let names: Vec<&str> = list(&found["data"]).iter().map(|one| word(&one["__name__"])).collect();
        assert!(names.iter().all(|name| name.starts_with("gitledger_")), "{names:?}");
        names.contains(&"gitledger_http_refusals_total").then_some(())
    })
    .await;
    // The feed has made its stream.
    until("the stream in NATS", async || (json(&format!("{nats}/jsz")).await["streams"] == 1).then_some(()))
        .await;

    let said = running.interrupt().await;
    assert!(said.ends_with("stopped"), "{said}");
    for url in [&prometheus, &alertmanager, &gateway, &nats] {
        assert!(client.get(url).send().await.is_err(), "{url} still answers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_start_ends_the_rest_and_says_why() {
    let (setup, data) = (Setup::new(), system::temporary());
    let data = data.path().to_string_lossy().into_owned();
    let running = run_local(&setup, &["--free-ports", "--data", &data, "--gitledger", "/bin/false"]);
    let (status, said) = running.ended().await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("run-local: gitledger ended at once"), "{said}");
    let pushgateway =
        said.lines().find_map(|line| line.strip_prefix("pushgateway")).expect("it was started").trim();
    assert!(system::client().get(pushgateway).send().await.is_err(), "{pushgateway} still answers");
}
