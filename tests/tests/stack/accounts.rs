//! What is compared: projections, metrics, and the memory that functions had.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gitledger::demo::{Client, Stage};
use gitledger_events::Fact;
use gitledger_functions::projector::KEY;
use gitledger_ledger::dynamo::DynamoLedger;
use gitledger_ledger::{Ledger, Position, Recorded};
use gitledger_tests::wait;
use serde_json::{Value, json};

use crate::deployed::Deployed;

/// Waits until the projector, which the log's stream wakes, has saved everything up to here.
pub async fn projected(stack: &Deployed, position: Position) {
    let ledger = stack.aws.ledger(stack.id("EventsTable"), stack.id("LogTable"));
    wait::until("the stream has the projector save everything", async || {
        let saved = ledger.load_projection(&KEY).await.expect("a state");
        saved.filter(|saved| saved.position >= position)
    })
    .await;
}

/// Everything in the log, in order.
pub async fn events(ledger: &DynamoLedger) -> Vec<Recorded> {
    let mut all = Vec::new();
    loop {
        let after = all.last().map_or(Position::START, |last: &Recorded| last.position);
        let page = ledger.read_all(after, 500).await.expect("a page");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// How many operations have their outcome in the log.
pub fn outcomes(log: &[Recorded]) -> usize {
    let ended = |event: &&Recorded| {
        matches!(event.record.fact(), Ok(Fact::OperationSucceeded(_) | Fact::OperationFailed(_)))
    };
    log.iter().filter(ended).count()
}

/// Waits until the log tells of everything that so many answers have left: their outcomes, and what was appended to
/// sandboxes before them, a release above all. The log, then.
///
/// It waits by itself, since an agent's client cannot wait for what borrows in a closure.
pub async fn told(ledger: &DynamoLedger, answers: usize) -> Vec<Recorded> {
    let began = Instant::now();
    loop {
        let log = events(ledger).await;
        if outcomes(&log) >= answers && sandboxes_are_told(ledger, &log).await {
            return log;
        }
        assert!(began.elapsed() < wait::PATIENCE, "the log does not tell of everything that was answered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A client whose every clone finds the sandboxes that one on a single machine would.
pub fn in_step(client: Client, ledger: &Arc<DynamoLedger>) -> Client {
    let ledger = ledger.clone();
    client.waiting(move |answers| {
        let ledger = ledger.clone();
        async move {
            told(&ledger, answers).await;
        }
    })
}

async fn sandboxes_are_told(ledger: &DynamoLedger, log: &[Recorded]) -> bool {
    let mut newest = BTreeMap::new();
    for event in log.iter().filter(|event| event.record.stream.sandbox_id().is_some()) {
        newest.insert(event.record.stream.clone(), event.record.version);
    }
    for (stream, version) in newest {
        if !ledger.read_stream(&stream, version + 1).await.expect("a stream").is_empty() {
            return false;
        }
    }
    true
}

/// The tokens of a stage, for `GITLEDGER_GIT_TOKENS`.
pub fn token_lines(stage: &Stage) -> String {
    stage.tokens().map(|(host, token)| format!("{host} = {token}\n")).concat()
}

/// Series that tell of times, of money for them, and of who serves and publishes: not the same twice.
fn passing(series: &str) -> bool {
    let name = series.split(['{', ' ']).next().unwrap_or_default();
    let of_time =
        ["_seconds", "_seconds_sum", "_seconds_total", "_bucket", "_dollars", "_dollars_total", "_info"];
    // The gateway's requests are counted by API Gateway there.
    let of_serving =
        ["gitledger_http_", "push_", "git_projector_", "go_", "process_", "pushgateway_", "promhttp_"];
    of_time.iter().any(|end| name.ends_with(end)) || of_serving.iter().any(|start| name.starts_with(start))
}

/// The lasting series of a text, without the labels that the Pushgateway adds.
fn series(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !passing(line));
    let lines = lines.filter_map(|line| line.rsplit_once(' '));
    lines
        .map(|(series, value)| {
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels.trim_end_matches('}').split(',').filter(|label| {
                !label.is_empty() && !label.starts_with("job=") && !label.starts_with("instance=")
            });
            let mut labels: Vec<&str> = labels.collect();
            labels.sort_unstable();
            let value = value.parse::<f64>().map_or_else(|_| value.to_owned(), |value| value.to_string());
            (format!("{name}{{{}}}", labels.join(",")), value)
        })
        .collect()
}

/// The lasting series of both are the same.
pub fn same(published: &str, told: &str) {
    let (published, told) = (series(published), series(told));
    let names = published.keys().chain(told.keys()).collect::<std::collections::BTreeSet<_>>();
    let differ = names.into_iter().filter(|name| published.get(*name) != told.get(*name));
    let differ: Vec<String> = differ
        .map(|name| {
            let (on_aws, here) = (published.get(name), told.get(name));
            format!("{name}: {on_aws:?} from the functions, {here:?} on one machine")
        })
        .collect();
    println!("{} series compared", told.len());
    assert!(told.len() > 100, "{told:?}");
    assert!(differ.is_empty(), "{differ:#?}");
}

/// What the functions' own lines say of their memory.
pub async fn memory(stack: &Deployed) {
    let groups = stack.aws.action("logs", "Logs_20140328.DescribeLogGroups", &json!({})).await;
    let mut most: BTreeMap<String, f64> = BTreeMap::new();
    for group in groups["logGroups"].as_array().cloned().unwrap_or_default() {
        let ask = json!({"logGroupName": group["logGroupName"], "limit": 10_000});
        let found = stack.aws.action("logs", "Logs_20140328.FilterLogEvents", &ask).await;
        for event in found["events"].as_array().cloned().unwrap_or_default() {
            for line in event["message"].as_str().unwrap_or_default().lines() {
                let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
                let (Some(function), Some(memory_mb)) =
                    (line["function"].as_str(), line["memory_mb"].as_f64())
                else {
                    continue;
                };
                let kept = most.entry(function.to_owned()).or_default();
                *kept = kept.max(memory_mb);
            }
        }
    }
    for (function, memory_mb) in most {
        println!("{function:<24} {memory_mb:>6.1} MiB at most");
    }
}

/// Readable by its owner only.
pub fn write_private(file: &Path, text: &str) {
    use std::os::unix::fs::OpenOptionsExt;
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).expect("a private file");
}
