//! The past in Prometheus: two days of events, replayed as OpenMetrics, made blocks by the real promtool, and asked by
//! every query of the dashboard.

#![allow(clippy::unwrap_used, clippy::float_cmp)] // a panic is a test's answer; counts are whole

use std::process::Command;

use gitledger_events::operation::{ConflictDetected, PushAttempted, PushOutcome, Timing};
use gitledger_events::sandbox::{KillReason, Reuse, SandboxKilled, SandboxLeased};
use gitledger_events::{Elapsed, Fact, Stream};
use gitledger_ledger::Ledger;
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_tests::monitoring::Prometheus;
use gitledger_tests::{Setup, history, tools, workspace};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

const DAY_S: i64 = 86_400;

/// Every ten minutes: a sandbox for six minutes, a clone that takes 3 s, and a push that takes 20 s. Of the first
/// day every push succeeds; of the second every third one meets a conflict, and every second one was tried again.
async fn two_days(ledger: &dyn Ledger, start: Timestamp) {
    let took = |seconds: u64| {
        let all = Elapsed::from_millis(seconds * 1000);
        Timing { duration_ms: all, git_ms: all, sandbox_wait_ms: Elapsed::ZERO }
    };
    for number in 0..288_i64 {
        let at = |second: i64| start + SignedDuration::from_secs(number * 600 + second);
        let second_day = number >= 144;
        let operation = |name: &'static str, done: Timestamp, facts: Vec<Fact>| async move {
            history::append(ledger, Stream::operation(Uuid::now_v7()), name, done, facts).await;
        };
        let sandbox = Stream::sandbox(&format!("s{number}")).unwrap();
        let reuse = if number % 4 == 0 { Reuse::New } else { Reuse::Ready };
        let leased = SandboxLeased { operation_id: Uuid::now_v7(), epoch: 1, until: at(600), reuse };
        let created = history::created(Elapsed::from_millis(1500), at(0));
        history::append(ledger, sandbox.clone(), "clone", at(0), vec![created.into(), leased.into()]).await;
        operation("clone", at(3), vec![history::succeeded(took(3)).into()]).await;
        let mut push: Vec<Fact> = vec![history::requested(at(600)).into()];
        if second_day && number % 2 == 0 {
            push.push(PushAttempted { attempt: 1, outcome: PushOutcome::Superseded }.into());
            push.push(PushAttempted { attempt: 2, outcome: PushOutcome::Landed }.into());
        }
        if second_day && number % 3 == 0 {
            push.push(ConflictDetected { paths: vec!["a".to_owned()], kinds: vec!["UU".to_owned()] }.into());
            push.push(history::failed("merge-conflict", "conflict", took(20)).into());
        } else {
            push.push(history::succeeded(took(20)).into());
        }
        operation("push", at(30), push).await;
        history::append(
            ledger,
            sandbox,
            "clone",
            at(360),
            vec![SandboxKilled { reason: KillReason::Idle }.into()],
        )
        .await;
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// The title and the queries of each of the dashboard's panels, over the last day.
fn panels() -> Vec<(String, String)> {
    let file = workspace::root().join("monitoring/grafana/dashboards/git-operations.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    panels
        .flat_map(|panel| {
            let title = panel["title"].as_str().unwrap_or_default().to_owned();
            let targets = panel["targets"].as_array().cloned().unwrap_or_default();
            targets
                .into_iter()
                .filter_map(move |target| Some((title.clone(), target["expr"].as_str()?.to_owned())))
        })
        .map(|(title, query)| {
            let query = query.replace("$__rate_interval", "1d").replace("$__range", "1d");
            (title, query.replace("${job}", ".+").replace("$job", ".+"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queries_of_the_dashboard_are_right_for_two_days_that_are_over() {
    let setup = Setup::new();
    std::fs::create_dir_all(setup.data()).unwrap();
    let ledger = SqliteLedger::open(&setup.data().join("ledger.db"), Durability::Relaxed).unwrap();
    let today = Timestamp::now().as_second().div_euclid(DAY_S) * DAY_S;
    let day = |number: i64| Timestamp::from_second(today + (number - 3) * DAY_S).unwrap();
    // A minute later: what has counted at the first instant of all has no zero before it.
    two_days(&ledger, day(0) + SignedDuration::from_mins(1)).await;

    let (file, blocks) = (setup.data().join("past.txt"), setup.data().join("blocks"));
    let (from, to) = (day(0).to_string(), day(2).to_string());
    let said =
        run(setup.command(&["replay", "--openmetrics"]).arg(&file).args(["--from", &from, "--to", &to]));
    println!("{said}");
    let mut promtool = Command::new(tools::promtool());
    promtool.args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=744h"]);
    run(promtool.arg(&file).arg(&blocks));

    let prometheus = Prometheus::over(&blocks).await;
    let one = async |query: &str, at: Timestamp| -> f64 {
        let values = prometheus.values_at(query, at).await;
        assert_eq!(values.len(), 1, "{query}: {values:?}");
        values[0].1
    };
    let close = |found: f64, wanted: f64| (found - wanted).abs() <= wanted.abs() * 0.01 + 1e-9;
    let [first, second] = [day(1), day(2)];
    // What was counted on a day; the last minutes of the day before are in no window of its.
    for (query, on_first, on_second) in [
        ("sum(increase(git_operation_total{status=~\"success|failure\"}[1d]))", 288.0, 288.0),
        ("sum(increase(git_operation_total{operation=\"push\",status=\"success\"}[1d]))", 144.0, 96.0),
        ("sum(increase(git_errors_total{error_type=\"conflict\"}[1d])) or vector(0)", 0.0, 48.0),
        ("sum(increase(git_conflicts_detected_total[1d])) or vector(0)", 0.0, 48.0),
        ("sum(increase(git_push_retry_count_total{attempt=\"1\"}[1d])) or vector(0)", 0.0, 72.0),
        ("sum(increase(sandbox_cache_misses_total[1d]))", 36.0, 36.0),
        ("sum(increase(sandbox_cache_hits_total[1d]))", 108.0, 108.0),
        ("sum(increase(sandbox_creation_seconds_count[1d]))", 144.0, 144.0),
        // 144 times 6 minutes of the default sandbox, at 0.1089 dollars an hour.
        ("estimated_cost_dollars{period=\"daily\"}", 14.4 * 0.1089, 14.4 * 0.1089),
    ] {
        for (at, wanted) in [(first, on_first), (second, on_second)] {
            let found = one(query, at).await;
            assert!(close(found, wanted), "{query} at {at}: {found}, not {wanted}");
        }
    }
    for (minute, running) in [(2, 1.0), (6, 1.0), (8, 0.0)] {
        let at = day(1) + SignedDuration::from_mins(60 + minute);
        assert_eq!(one("sum(active_sandboxes_total)", at).await, running, "{minute} minutes in");
    }
    // All clones take 3 s and all pushes 20: P95 lies within the bucket that they are in.
    let p95 =
        "histogram_quantile(0.95, sum by (le, operation) (rate(git_operation_duration_seconds_bucket[1d])))";
    for (labels, value) in prometheus.values_at(p95, second).await {
        let range = if labels["operation"] == "clone" { 2.0..=5.0 } else { 10.0..=30.0 };
        assert!(value.is_nan() || range.contains(&value), "{labels}: {value}");
    }
    let panels = panels();
    assert!(panels.len() >= 12, "{panels:?}");
    for (title, query) in panels {
        let values = prometheus.values_at(&query, second).await;
        assert!(
            values.iter().any(|(_, value)| value.is_finite()),
            "{title}: {query} has no value: {values:?}"
        );
    }
}
