//! What is compared: projections, metrics, and the memory that functions had.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use gitledger::demo::Stage;
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
pub async fn outcomes(ledger: &DynamoLedger) -> usize {
    let all = events(ledger).await;
    let ended = |event: &&Recorded| {
        matches!(event.record.fact(), Ok(Fact::OperationSucceeded(_) | Fact::OperationFailed(_)))
    };
    all.iter().filter(ended).count()
}

/// The tokens of a stage, for `GITLEDGER_GIT_TOKENS`.
pub fn token_lines(stage: &Stage) -> String {
    stage.tokens().map(|(host, token)| format!("{host} = {token}\n")).concat()
}

/// Series that tell of times, of money for them, and of who published: not the same twice.
fn passing(series: &str) -> bool {
    let name = series.split(['{', ' ']).next().unwrap_or_default();
    let of_time =
        ["_seconds", "_seconds_sum", "_seconds_total", "_bucket", "_dollars", "_dollars_total", "_info"];
    let of_publishing = ["push_", "git_projector_", "go_", "process_", "pushgateway_", "promhttp_"];
    of_time.iter().any(|end| name.ends_with(end)) || of_publishing.iter().any(|start| name.starts_with(start))
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

/// A sandbox is found again when the log tells of its release, which on AWS is some time after it: what then is a new
/// one there is counted here, with the sign that a new one has.
const FOUND_AGAIN: [(&str, f64); 5] = [
    ("sandbox_cache_hits_total{}", -1.0),
    ("sandbox_cache_misses_total{}", 1.0),
    ("sandbox_creation_seconds_count{}", 1.0),
    ("active_sandboxes_total{}", 1.0),
    ("sandboxes_active{}", 1.0),
];

/// The lasting series of both are the same, but for sandboxes that were not found again.
pub fn same(published: &str, told: &str) {
    let (published, told) = (series(published), series(told));
    let number =
        |of: &BTreeMap<String, String>, name: &str| of.get(name).and_then(|value| value.parse::<f64>().ok());
    let more = FOUND_AGAIN.map(|(name, sign)| {
        sign * (number(&published, name).unwrap_or(f64::NAN) - number(&told, name).unwrap_or(f64::NAN))
    });
    let excused = |name: &str| FOUND_AGAIN.iter().any(|(excused, _)| *excused == name);
    let names = published.keys().chain(told.keys()).collect::<std::collections::BTreeSet<_>>();
    let differ: Vec<String> = names
        .into_iter()
        .filter(|name| !excused(name) && published.get(*name) != told.get(*name))
        .map(|name| {
            format!(
                "{name}: {:?} from the functions, {:?} on one machine",
                published.get(name),
                told.get(name)
            )
        })
        .collect();
    println!("{} series compared; {} sandboxes were not found again", told.len(), more[0]);
    assert!(told.len() > 100, "{told:?}");
    assert!(differ.is_empty(), "{differ:#?}");
    assert!(more[0] >= 0.0 && more.iter().all(|other| other.to_bits() == more[0].to_bits()), "{more:?}");
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
