//! The past, asked again: the same digest, what was said then, and nothing lost by a kill.

use gitledger_functions::report::{Question, Terms, tell};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_projections::SandboxPolicy;
use gitledger_projections::cost::Prices;
use gitledger_tests::{Agent, Origin, Setup, System};
use serde_json::Value;

fn replay(setup: &Setup, arguments: &[&str]) -> Value {
    let output = setup.run(&[&["replay", "--json"], arguments].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("replay: {said}"));
    assert_eq!(output.status.success(), found["agrees"] == true, "{found:#}");
    found
}

/// The sum of a counter's series with this label, as `/metrics` has it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts
async fn counted(system: &System, name: &str, label: &str) -> u64 {
    let (status, text) = system.get("/metrics").await;
    assert_eq!(status, 200);
    let text = text.as_str().unwrap_or_default().to_owned();
    let lines = text.lines().filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(label));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).map(|value| value as u64).sum()
}

fn sum(replayed: &Value, field: &str) -> u64 {
    let rows = replayed["figures"]["operations"].as_object().expect("operations");
    rows.values().map(|row| row[field].as_u64().unwrap_or(0)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_what_was_said_then_and_a_kill_changes_nothing() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    agent.commit("one.md", "1\n").await;
    agent.attempt("switch", serde_json::json!({"branch": "there-is-none"})).await;

    let then = replay(&setup, &[]);
    assert_eq!(then["agrees"], true, "{then:#}");
    let said = [
        counted(&system, "git_operation_total", "status=\"started\"").await,
        counted(&system, "git_operation_total", "status=\"success\"").await,
        counted(&system, "git_operation_total", "status=\"failure\"").await,
    ];
    assert_eq!(said, [sum(&then, "started"), sum(&then, "succeeded"), sum(&then, "failed")]);
    assert_eq!(said, [4, 3, 1]);

    agent.commit("two.md", "2\n").await;
    let position = then["figures"]["position"].to_string();
    let instant = then["figures"]["at"].as_str().expect("an instant").to_owned();
    let [by_position, by_instant] = [position, instant].map(|at| replay(&setup, &["--at", &at]));
    assert_eq!((&by_position["digest"], &by_instant["digest"]), (&then["digest"], &then["digest"]));
    let ledger_only = replay(&setup, &["--source", "ledger"]);
    assert_eq!(ledger_only["digest"], replay(&setup, &[])["digest"]);
    assert_ne!(ledger_only["digest"], then["digest"]);

    system.kill().await;
    let killed = replay(&setup, &["--verify"]);
    assert_eq!(killed["agrees"], true, "{killed:#}");
    let again = setup.start().await;
    again.stop().await;
    let verified = replay(&setup, &["--verify"]);
    let projections = &verified["projections"];
    assert_eq!(projections["saved"], projections["rebuilt"], "{projections:#}");
    assert!(projections["position"].as_u64() > Some(0), "{projections:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_and_a_simulation_are_made_from_a_ledger_and_say_the_same_twice() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    for agent in ["a1", "a2"] {
        Agent::clone(&system, &origin.app(), agent, "t1").await.commit("one.md", agent).await;
    }
    let (status, asked) = system.get("/report?days=7").await;
    assert_eq!((status, &asked["advice"]["tried"]), (200, &151.into()), "{asked:#}");
    let as_a_browser =
        system.request(reqwest::Method::GET, "/report").header("accept", "text/html,*/*;q=0.8");
    let (status, page) = system.send(as_a_browser).await;
    assert!(status == 200 && page.as_str().is_some_and(|page| page.contains("P95 latency")), "{page}");
    for wrong in ["days=0", "days=week", "day=7", "advice=maybe"] {
        assert_eq!(system.get(&format!("/report?{wrong}")).await.0, 400, "{wrong}");
    }
    system.stop().await;
    let said = |arguments: &[&str]| {
        let output = setup.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let position = asked["position"].to_string();
    let then: Value =
        serde_json::from_str(&said(&["report", "--days", "7", "--at", &position, "--json"])).expect("JSON");
    assert_eq!(then, asked, "the command line and the gateway");
    let report: Value = serde_json::from_str(&said(&["report", "--json"])).expect("JSON");
    let ledger = SqliteLedger::open(&setup.data().join("ledger.db"), Durability::Full).expect("a ledger");
    let (prices, policy) = (Prices::standard(), SandboxPolicy::default());
    let told = tell(&ledger, &Terms::of(Question::default(), prices, &policy)).await.expect("a report");
    // As text and back, as the other came: the reader of JSON may miss a number's last digit.
    let told: Value =
        serde_json::from_str(&serde_json::to_string(&told).expect("JSON")).expect("what was written");
    assert_eq!(told, report, "the function and the command line");
    assert_eq!(report["criteria"].as_array().map(Vec::len), Some(5));
    assert_eq!((&report["operations"], &report["advice"]["tried"]), (&6.into(), &151.into()));
    let page = setup.data().join("verdict.html");
    said(&["report", "--html", page.to_str().expect("a path")]);
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains("P95 latency") && !page.contains("http://") && !page.contains("src="), "{page}");
    let simulate = ["simulate", "--pool", "1", "--json", "--seed", "7"];
    let (once, twice) = (said(&simulate), said(&simulate));
    assert_eq!(once, twice);
    let found: Value = serde_json::from_str(&once).expect("JSON");
    assert_eq!(found["figures"]["operations"], 6);
}
