//! What it cost, with the real program: the command, the metrics and the answers agree; a budget that is spent stops.

use std::collections::BTreeMap;

use gitledger_tests::{Agent, Origin, Setup, System};
use serde_json::{Value, json};

/// The gauges of a Prometheus text, in nano-dollars.
fn nano(text: &str, series: &str) -> Option<u64> {
    let value: f64 = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some((value * 1e9).round() as u64)
}

fn cost(setup: &Setup, arguments: &[&str]) -> Value {
    let output = setup.run(&[&["cost", "--json"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

async fn metrics(system: &System) -> String {
    system.get("/metrics").await.1.as_str().expect("text").to_owned()
}

/// Two agents that have done something and have no sandbox any more.
async fn work(system: &System, origin: &Origin) {
    for name in ["a1", "a2"] {
        let agent = Agent::clone(system, &origin.app(), name, "t1").await;
        agent.operate("status", json!({})).await;
        agent.commit(&format!("{name}.txt"), "x\n").await;
        system
            .send(system.request(reqwest::Method::DELETE, &format!("/sandboxes/{}", agent.sandbox_id())))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_the_route_and_the_metrics_agree_and_another_price_file_changes_the_past() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    work(&system, &origin).await;

    let mut before = 0;
    for by in ["agent", "task", "repo", "operation", "operation-id", "sandbox", "day"] {
        let (status, told) = system.get(&format!("/cost?by={by}")).await;
        assert_eq!((status, &told), (200, &Value::clone(&told)));
        let mut command = cost(&setup, &["--by", by]);
        let mut route = told.clone();
        for told in [&mut command, &mut route] {
            told.as_object_mut().expect("an object").retain(|name, _| name != "at" && name != "estimate");
        }
        assert_eq!(command, route, "by {by}");
        let parts: u64 =
            told["lines"].as_array().expect("lines").iter().filter_map(|l| l["nano_dollars"].as_u64()).sum();
        before = told["total_nano_dollars"].as_u64().expect("a total");
        assert_eq!(parts, before, "by {by}: {told:#}");
        assert!(before > 0, "{told:#}");
    }
    let text = metrics(&system).await;
    for (period, name) in [("hour", "hourly"), ("day", "daily")] {
        let told = cost(&setup, &["--period", period]);
        let gauge = nano(&text, &format!("estimated_cost_dollars{{period=\"{name}\"}}"));
        assert_eq!(gauge, told["total_nano_dollars"].as_u64(), "{period}: {told:#}");
        assert_eq!(gauge, told["estimate"][name].as_u64());
    }
    assert_eq!(nano(&text, r#"sandbox_cost_dollars_total{price="e2b-list"}"#), Some(before));
    let (status, refused) = system.get("/cost?by=agent&from=yesterday").await;
    assert_eq!((status, refused["field"].as_str()), (400, Some("from")), "{refused:#}");
    system.stop().await;

    // Ten times the price, from before the work on.
    let output = setup.run(&["cost", "--prices-example"]);
    let example = String::from_utf8(output.stdout).expect("text");
    let dearer = example.replace("= 0.000014\n", "= 0.00014\n").replace("= 0.0000045\n", "= 0.000045\n");
    assert_ne!(dearer, example);
    std::fs::write(setup.data().join("prices.toml"), dearer).expect("written");
    let after = cost(&setup, &[])["total_nano_dollars"].as_u64().expect("a total");
    assert!(after.abs_diff(before * 10) <= 5, "{before} and then {after}");
    let system = setup.start().await;
    let text = metrics(&system).await;
    assert_eq!(nano(&text, r#"sandbox_cost_dollars_total{price="e2b-list"}"#), Some(after));
    assert_eq!(nano(&text, r#"estimated_cost_dollars{period="daily"}"#), Some(after));
    system.stop().await;

    let csv = setup.run(&["cost", "--by", "operation", "--csv"]);
    let csv = String::from_utf8(csv.stdout).expect("text");
    let rows: BTreeMap<&str, u64> = csv
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split(',');
            (cells.next().unwrap(), cells.next().unwrap().parse().unwrap())
        })
        .collect();
    assert_eq!(rows.values().sum::<u64>(), after, "{csv}");
    let page = setup.run(&["cost", "--by", "task"]);
    let page = String::from_utf8(page.stdout).expect("text");
    assert!(page.contains("a1/t1") && page.contains('█') && page.contains("total"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_and_days_are_named_as_every_other_command_names_them() {
    let setup = Setup::new();
    setup.start().await.stop().await;
    let told = cost(&setup, &["--prices", "original-flat"]);
    assert_eq!(told["lists"], json!(["original-flat"]), "{told:#}");
    std::fs::write(setup.data().join("ours.toml"), setup.run(&["cost", "--prices-example"]).stdout)
        .expect("written");
    let ours = setup.data().join("ours.toml").display().to_string();
    assert_eq!(cost(&setup, &["--prices", &ours])["lists"], json!(["e2b-list"]));
    let said = |arguments: &[&str]| {
        let output = setup.run(arguments);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).expect("text")
    };
    let wrong = said(&["cost", "--prices", "original-fat"]);
    assert!(wrong.contains("--prices original-fat: ") && wrong.contains("original-flat"), "{wrong}");

    let page = setup.data().join("page.html").display().to_string();
    let export = ["dashboard", "--export", &page];
    for window in [
        ["--from", "2026-01-01", "--to", "2026-01-02"],
        ["--from", "2026-01-01", "--until", "2026-01-02T00:00:00Z"],
    ] {
        let output = setup.run(&[&export[..], &window].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let wrong = said(&[&export[..], &["--to", "tomorrow"]].concat());
    assert!(wrong.contains("--to: must be a day"), "{wrong}");
}

fn refused(answer: &(u16, Value), field: &str) {
    let (status, problem) = answer;
    assert_eq!((*status, problem["code"].as_str()), (402, Some("budget-exceeded")), "{problem:#}");
    assert_eq!(problem["field"], field, "{problem:#}");
    let rule = problem["rule"].as_str().unwrap_or_default();
    assert!(rule.contains("operator") && rule.contains("budget[1]") && rule.contains('$'), "{rule}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_is_spent_refuses_before_a_sandbox_is_made() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    std::fs::create_dir_all(setup.data()).expect("a directory");
    // A thirtieth of a second of a sandbox.
    let policy = "[[budget]]\nagent = \"a1\"\ndollars = 0.000001\nstop = true\n[[budget]]\ndollars = 75\n";
    std::fs::write(setup.data().join("policy.toml"), policy).expect("a policy");
    let system = setup.start().await;

    let input = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
    let (status, first) = system.post_once("/git/clone", "first", &input).await;
    assert_eq!(
        (status, first["outcome"].as_str()),
        (200, Some("succeeded")),
        "nothing was spent before: {first:#}"
    );
    let sandbox = first["output"]["sandbox_id"].clone();
    let events = setup.events().len();

    refused(
        &system
            .post("/git/clone", &json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t2"}))
            .await,
        "agent_id",
    );
    refused(&system.post("/git/status", &json!({"sandbox_id": sandbox})).await, "agent_id");
    refused(&system.post("/sandbox/create", &json!({"agent_id": "a1", "task_id": "t3"})).await, "agent_id");
    assert_eq!(setup.events().len(), events, "something was recorded, so something was begun");

    // What was done is told again; another agent is not in the way; what ends costs is never refused.
    let (status, again) = system.post_once("/git/clone", "first", &input).await;
    assert_eq!((status, again["replayed"].as_bool()), (200, Some(true)), "{again:#}");
    Agent::clone(&system, &origin.app(), "a2", "t1").await;
    let (status, paused) = system.post("/sandbox/pause", &json!({"sandbox_id": sandbox})).await;
    assert_eq!((status, paused["outcome"].as_str()), (200, Some("succeeded")), "{paused:#}");
    refused(&system.post("/sandbox/resume", &json!({"sandbox_id": sandbox})).await, "agent_id");

    let text = metrics(&system).await;
    for line in [
        r#"cost_budgets{scope="agent",state="spent"} 1"#,
        r#"cost_budgets{scope="all",state="within"} 1"#,
        r#"cost_budgets{scope="task",state="spent"} 0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
    let log = system.stop().await;
    assert!(log.contains("a budget is spent"), "{log}");
    let told = cost(&setup, &["--budgets"]);
    let budgets = told["budgets"].as_array().expect("budgets");
    assert_eq!(
        (budgets.len(), budgets[0]["state"].as_str(), budgets[0]["name"].as_str()),
        (2, Some("spent"), Some("a1")),
        "{told:#}"
    );
    let total = cost(&setup, &[])["total_nano_dollars"].clone();
    assert_eq!(budgets[1]["spent_nano_dollars"], total, "{told:#}");
}
