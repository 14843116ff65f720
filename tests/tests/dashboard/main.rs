//! The dashboard in a real browser: what stands on the page is what the ledger says.
//!
//! The pictures of the last run are in `target/dashboard`.

mod browser;
mod hostile;
mod truth;

use std::collections::BTreeMap;

use browser::visit;
use gitledger_tests::{Agent, Origin, Setup, System};
use serde_json::{Value, json};
use truth::{Truth, millis, number};

/// Two agents: clones, looks, commits, pushes, a push that is tried again, and three failures of two kinds.
async fn work<'s>(system: &'s System, origin: &Origin) -> Agent<'s> {
    let first = Agent::clone(system, &origin.app(), "ada", "t1").await;
    let second = Agent::clone(system, &origin.app(), "grace", "t1").await;
    for _ in 0..3 {
        first.operate("status", json!({})).await;
    }
    first.commit("notes/first.txt", "first\n").await;
    first.push().await;
    second.commit("notes/second.txt", "second\n").await;
    second.push().await;
    for missing in ["acme/missing", "acme/absent"] {
        let input =
            json!({"repo_url": origin.remote.repository_url(missing), "agent_id": "ada", "task_id": "t2"});
        assert_eq!(system.post("/git/clone", &input).await.1["outcome"], "failed");
    }
    let (_, answer) = system.post("/git/status", &json!({"sandbox_id": "i0123456789abcdefghij"})).await;
    assert_eq!(answer["outcome"], "failed", "{answer:#}");
    first
}

fn lines(seen: &Value, panel: &str) -> BTreeMap<String, u64> {
    let all = seen["lines"][panel].as_object().expect("lines");
    all.iter().map(|(name, shown)| (name.clone(), number(shown))).collect()
}

/// What does not depend on when one looks.
fn assert_agrees(seen: &Value, events: &[Value]) {
    let truth = Truth::of(events);
    let fact = |name: &str| usize::try_from(number(&seen["facts"][name])).expect("it fits");
    let (succeeded, failed) = (truth.count("OperationSucceeded"), truth.count("OperationFailed"));
    assert_eq!((fact("succeeded"), fact("failed"), fact("open")), (succeeded, failed, 0));
    assert_eq!((fact("hits"), fact("misses")), truth.cache());
    assert_eq!(fact("created"), truth.count("SandboxCreated"));
    assert_eq!(lines(seen, "distribution"), truth.by_operation());
    assert_eq!(lines(seen, "rate"), truth.by_operation());
    assert_eq!(lines(seen, "errors"), truth.by_error());
    for (name, shown) in seen["lines"]["p95"].as_object().expect("lines") {
        let (shown, exact) = (millis(shown.as_str().expect("text")), truth.p95_ms(Some(name)));
        assert!((shown - exact).abs() <= exact * 0.006 + 0.05, "{name}: {shown} for {exact}");
    }
    let shown = millis(seen["verdict"]["p95"]["value"].as_str().expect("text"));
    let exact = truth.p95_ms(None);
    assert!((shown - exact).abs() <= exact * 0.006 + 0.05, "{shown} for {exact}");
    let agents = seen["agents"].as_array().expect("rows").iter();
    let agents = agents.map(|row| (row[0].as_str().unwrap_or_default().to_owned(), number(&row[2])));
    let mut expected = truth.by_agent();
    let nobody = expected.remove("");
    expected.extend(nobody.map(|count| ("unknown".to_owned(), count)));
    expected.insert("Total".to_owned(), expected.values().sum());
    assert_eq!(agents.collect::<BTreeMap<_, _>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_on_the_page_is_what_the_ledger_says() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = work(&system, &origin).await;
    agent.commit("notes/third.txt", "third\n").await;
    let pushed = agent.push().await;
    let url = format!("{}/dashboard", system.url());
    let story = pushed["operation_id"].as_str().expect("an id");
    let seen =
        visit(json!({"kind": "work", "url": url, "story": story, "sandbox": agent.sandbox_id()})).await;

    assert_agrees(&seen, &setup.events());
    assert_eq!(seen["requests"], json!([system.url()]), "the page asked somebody else");
    assert_eq!(number(&seen["gauges"]["active"]), 2);
    assert_eq!(seen["sandboxes"].as_array().map(Vec::len), Some(2));
    assert_eq!(seen["latest"][0][0], "status", "the operation that arrived while the page was open");
    // A point, and the operations behind it.
    for (panel, from) in [("pointer", &seen["clicked"]["rate"]), ("keys", &seen["walked"])] {
        let rows = from["rows"].as_array().map(Vec::len);
        assert_eq!(rows.map(|rows| rows as u64), from["counted"].as_u64(), "{panel}: {from:#}");
    }
    let slowest: Vec<f64> = seen["clicked"]["p95"]["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row[5].as_str().filter(|shown| *shown != "–"))
        .map(millis)
        .collect();
    assert!(!slowest.is_empty() && slowest.is_sorted_by(|one, next| one >= next), "{slowest:?}");
    let walked = &seen["walked"];
    assert_eq!((&walked["backAtTheList"], &walked["closed"]), (&json!(true), &json!(true)), "{walked:#}");
    assert!(
        walked["id"].is_string() && walked["said"].as_str().is_some_and(|said| said.contains(':')),
        "{walked:#}"
    );
    // The chart's numbers as a table add up to its legend.
    let rows = seen["numbers"].as_array().expect("rows");
    let counts = rows[1..].iter().flat_map(|row| row.as_array().expect("cells")[1..].iter());
    let counts = counts.map(|cell| {
        cell.as_str().and_then(|cell| cell.split(' ').next()?.parse::<u64>().ok()).expect("a number")
    });
    assert_eq!(
        counts.sum::<u64>() + 1,
        lines(&seen, "rate").values().sum::<u64>(),
        "before the last one arrived"
    );
    // The whole report: its five criteria.
    let report = seen["report"].as_array().expect("rows").iter();
    let criteria: Vec<_> = report.filter_map(|row| row[0].as_str()).take(5).collect();
    let five = ["P95 latency", "Error rate", "Monthly cost", "Cache misses", "Sandboxes at once"];
    assert_eq!(criteria, five, "{:#}", seen["report"]);
    // And what is said of each, of the two phases, and of what else could be done.
    let sections =
        seen["sections"].as_array().expect("headings").iter().filter_map(|heading| heading.as_str());
    let sections: Vec<_> = sections.map(|heading| heading.split(" (").next().unwrap_or(heading)).collect();
    let more = ["Phase 1, baseline", "Phase 2, patterns", "What else could be done"];
    assert_eq!(sections, [&five[..], &more].concat(), "{:#}", seen["sections"]);
    // One operation's story.
    let told = &seen["story"];
    assert!(told["headline"].as_str().is_some_and(|text| text.starts_with("push ok")), "{told:#}");
    for event in [
        "operation requested",
        "sandbox leased",
        "push prepared",
        "push attempted",
        "operation succeeded",
        "sandbox released",
    ] {
        assert!(
            told["events"].as_array().is_some_and(|events| events.contains(&json!(event))),
            "{event}: {told:#}"
        );
    }
    assert_eq!(told["facts"]["Asked by"], "ada");
    assert!(told["facts"]["Cost"].as_str().is_some_and(|cost| cost.starts_with("$0.000")), "{told:#}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_says_the_same_from_a_disk_and_its_cost_is_exact() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = work(&system, &origin).await;
    agent.commit("notes/third.txt", "third\n").await;
    let story = agent.push().await["operation_id"].as_str().expect("an id").to_owned();
    system.stop().await;
    let file = setup.data().join("report.html");
    let written = setup.run(&["dashboard", "--export", &file.to_string_lossy()]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let seen = visit(json!({"kind": "look", "name": "report", "url": format!("file://{}", file.display()), "story": story})).await;
    let events = setup.events();
    assert_agrees(&seen, &events);
    assert_eq!(seen["requests"], json!(["file://"]), "the report asked somebody");
    let total = seen["agents"].as_array().and_then(|rows| rows.last()).expect("a total");
    let shown: f64 =
        total[5].as_str().and_then(|shown| shown.strip_prefix('$')?.parse().ok()).expect("dollars");
    let exact = Truth::of(&events).dollars();
    assert!((shown - exact).abs() < 0.000_000_51, "{shown} for {exact}");
    assert_eq!(seen["facts"]["window-cost"], total[5]);
    // By agent it is what the command says, to the last shown digit.
    let told = setup.run(&["cost", "--by", "agent", "--json"]);
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let shown: BTreeMap<&str, &str> = (seen["agents"].as_array().expect("rows").iter())
        .filter_map(|row| Some((row[0].as_str()?, row[5].as_str()?)))
        .collect();
    for line in told["lines"].as_array().expect("lines") {
        #[allow(clippy::cast_precision_loss)] // far below
        let dollars = line["nano_dollars"].as_u64().expect("a number") as f64 / 1e9;
        let shown = shown[line["name"].as_str().expect("a name")];
        let same = if dollars == 0.0 { shown == "$0" } else { shown == format!("${dollars:.6}") };
        assert!(same, "{}: {shown} for {dollars}", line["name"]);
    }
    assert_eq!(told["lines"].as_array().map(Vec::len), Some(shown.len() - 1), "{told:#}");
    assert_eq!(seen["gauges"]["active"], "0");
    assert!(seen["story"]["headline"].as_str().is_some_and(|text| text.starts_with("push ok")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_ledger_says_what_to_try() {
    let setup = Setup::new();
    let system = setup.start().await;
    let told = setup.run(&["dashboard"]);
    let url = String::from_utf8_lossy(&told.stdout).trim().to_owned();
    assert_eq!(url, format!("{}/dashboard", system.url()), "{}", String::from_utf8_lossy(&told.stderr));
    let seen = visit(json!({"kind": "look", "name": "empty", "url": url})).await;
    let notice = seen["notice"].as_str().expect("text");
    assert!(notice.contains("No operation yet") && notice.contains("gitledger git clone"), "{notice}");
    assert_eq!(seen["gauges"]["success"], "–", "nothing is not a hundred percent");
    assert_eq!(seen["headline"], "No verdict yet: nothing was measured in this window");
    system.stop().await;
    let told = setup.run(&["dashboard"]);
    assert!(!told.status.success() && String::from_utf8_lossy(&told.stderr).contains("no gateway runs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_keys_are_required_the_page_asks_for_one_and_keeps_it_to_itself() {
    let setup = Setup::new();
    let (right, tenant) = (setup.key("dashboard", &["--read-only"]), setup.key("tenant", &[]));
    let system = setup.start_with(&["--require-keys"]).await;
    let url = format!("{}/dashboard", system.url());
    for path in ["/dashboard", "/dashboard/assets/page.js", "/dashboard/assets/page.css"] {
        assert_eq!(system.get(path).await.0, 200, "{path}");
    }
    let closed = [
        "series",
        "verdict",
        "cost",
        "sandboxes",
        "operations",
        "operations/00000000-0000-0000-0000-000000000000",
        "live",
    ];
    for path in closed.map(|name| format!("/dashboard/{name}")) {
        assert_eq!(system.get(&path).await.0, 401, "{path}");
        let request = system.request(reqwest::Method::GET, &path).bearer_auth(&tenant);
        assert_eq!(system.send(request).await.0, 403, "{path}: a key that may not see everything");
    }
    let keys = json!({"wrong": ["glk_000000000000_0", tenant], "right": right});
    let seen = visit(json!({"kind": "keys", "url": url, "keys": keys})).await;
    assert_eq!(seen["hidden"], json!(true), "panels were shown without a key");
    let refused: Vec<&str> =
        seen["refused"].as_array().expect("two").iter().filter_map(Value::as_str).collect();
    assert!(
        refused[0].contains("does not know this key") && refused[1].contains("may not see everything"),
        "{refused:?}"
    );
    assert_eq!(seen["kept"], json!({"local": 0, "cookies": "", "session": 1}));
    assert_eq!(seen["left"], 0);
    let log = system.stop().await;
    for text in [seen["address"].as_str().expect("text"), &log] {
        assert!(!text.contains("glk_"), "a key in {text}");
    }
}
