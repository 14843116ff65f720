//! The way of a number: ledger, exporter, Pushgateway, Prometheus. All of them real.

use std::io::Write;
use std::process::{Command, Stdio};

use gitledger_tests::monitoring::{LOGIN, Prometheus, Pushgateway};
use gitledger_tests::{Agent, Origin, Setup, System, tools};
use serde_json::json;

const ENDED: &str = r#"sum(git_operation_total{status=~"success|failure"})"#;
const PUSHED_AT: &str = r#"push_time_seconds{job="git_projector"}"#;

/// One clone, three looks, one commit with its file, one push; and one failure. Eight operations.
async fn work(system: &System, origin: &Origin) {
    let agent = Agent::clone(system, &origin.app(), "a1", "t1").await;
    for _ in 0..3 {
        agent.operate("status", json!({})).await;
    }
    agent.commit("notes/first.txt", "first\n").await;
    agent.push().await;
    let missing = origin.remote.repository_url("acme/missing");
    let missing = json!({"repo_url": missing, "agent_id": "a2", "task_id": "t1"});
    let (status, answer) = system.post("/git/clone", &missing).await;
    assert_eq!((status, answer["outcome"].as_str()), (200, Some("failed")), "{answer:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_tells_how_many_operations_there_were_also_after_a_restart() {
    let (pushgateway, origin) = (Pushgateway::start().await, Origin::start().await);
    let prometheus = Prometheus::scraping(&pushgateway).await;
    let setup = Setup::new().admitting(&origin).with("PUSHGATEWAY_URL", pushgateway.url());

    let system = setup.start().await;
    let first = prometheus.rises(PUSHED_AT, 0.0).await;
    // Every series is there at zero before anything happens.
    prometheus.reaches(ENDED, "0").await;
    work(&system, &origin).await;
    let log = system.stop().await;
    assert!(!log.contains("did not accept"), "{log}");

    prometheus.reaches(ENDED, "8").await;
    prometheus.rises(PUSHED_AT, first).await;
    for (expression, value) in [
        (r#"sum(git_operation_total{status="started"})"#, "8"),
        (r#"git_operation_total{operation="status",status="success"}"#, "3"),
        (r#"git_operation_total{operation="clone",status="failure"}"#, "1"),
        ("sum(git_errors_total)", "1"),
        ("sum(git_failures_total)", "1"),
        (r#"git_operation_duration_seconds_count{operation="push"}"#, "1"),
        ("count(sandbox_cache_misses_total > 0)", "1"),
    ] {
        assert_eq!(prometheus.value(expression).await.as_deref(), Some(value), "{expression}");
    }
    // The last that is published is what is left: nothing.
    prometheus.reaches("sandboxes_active", "0").await;
    prometheus.reaches("active_sandboxes_total", "0").await;

    // The same ledger, another process: the numbers go on where they were.
    let system = setup.start().await;
    Agent::clone(&system, &origin.app(), "a3", "t1").await;
    system.stop().await;
    prometheus.reaches(ENDED, "9").await;
    let resets = "max(resets(git_operation_total[5m]))";
    assert_eq!(prometheus.value(resets).await.as_deref(), Some("0"), "a total has gone down");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushgateway_that_asks_who_comes_is_told_and_nobody_else() {
    let (user, password) = LOGIN;
    let pushgateway = Pushgateway::asking().await;
    let setup = Setup::new().with("PUSHGATEWAY_URL", pushgateway.url()).with("PUSHGATEWAY_USER", user);
    let wrong = setup.with("PUSHGATEWAY_PASSWORD", "canary:other");
    let log = wrong.start().await.stop().await;
    assert!(log.contains("pushgateway did not accept the metrics") && log.contains("401"), "{log}");
    assert!(!log.contains("canary"), "{log}");
    assert!(!pushgateway.metrics().await.contains("git_operation_total"));

    let right = wrong.with("PUSHGATEWAY_PASSWORD", password);
    let log = right.start().await.stop().await;
    assert!(!log.contains("did not accept") && !log.contains("canary"), "{log}");
    assert!(pushgateway.metrics().await.contains("git_operation_total"));
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_accepts_every_line_but_the_one_documented_name() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    work(&system, &origin).await;
    let (status, text) = system.get("/metrics").await;
    assert_eq!(status, 200);

    let mut check = Command::new(tools::promtool());
    check.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut check = check.spawn().expect("promtool starts");
    let mut stdin = check.stdin.take().expect("a pipe");
    stdin.write_all(text.as_str().expect("text, not JSON").as_bytes()).expect("promtool reads");
    drop(stdin);
    let output = check.wait_with_output().expect("promtool ends");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    assert!(
        matches!(lines[..], [line] if line.starts_with("active_sandboxes_total ")),
        "promtool said:\n{said}"
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_is_written_to_directly_and_knows_the_same_numbers() {
    let origin = Origin::start().await;
    let blocks = gitledger_tests::system::temporary();
    let prometheus = Prometheus::over(&blocks.path().join("data")).await;
    let to = format!("{}/api/v1/write", prometheus.url());
    let setup = Setup::new().admitting(&origin).with("REMOTE_WRITE_URL", &to);
    let system = setup.start().await;
    prometheus.reaches(ENDED, "0").await;
    work(&system, &origin).await;
    let log = system.stop().await;
    assert!(!log.contains("did not accept"), "{log}");
    prometheus.reaches(ENDED, "8").await;
    for (expression, value) in [
        (r#"git_operation_total{operation="status",status="success",job="git_projector"}"#, "3"),
        (r#"git_operation_duration_seconds_bucket{operation="push",le="+Inf"}"#, "1"),
        (r#"count(git_operation_duration_seconds_bucket{operation="push",le="1.0"})"#, "1"),
        ("sandboxes_active", "0"),
    ] {
        assert_eq!(prometheus.value(expression).await.as_deref(), Some(value), "{expression}");
    }
}
