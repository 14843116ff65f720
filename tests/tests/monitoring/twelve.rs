//! The twelve panels over real work: ledger, exporter, Pushgateway and Prometheus give for each query the number that a
//! plain script counts from `gitledger events --json`.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use gitledger_tests::monitoring::{Prometheus, Pushgateway};
use gitledger_tests::wait::until;
use gitledger_tests::{Agent, Origin, Setup, System, system};
use serde_json::json;

use crate::dashboard::query;
use crate::files::{documented_queries, panels, path, rules, word};

/// The range of the dashboard and of rates: longer than the test, so that all of its work is inside.
const WINDOW_S: u32 = 3600;
const WINDOW: &str = "1h";
const POSITION: &str = r#"git_projector_position{job="git_projector"}"#;
const SHARED: &str = "shared";

/// Panel, then series, then number.
type Numbers = BTreeMap<String, BTreeMap<String, f64>>;

/// Something for every panel: successes, failures, a cache hit, retries, a conflict.
async fn work(system: &System, origin: &Origin) {
    let first = Agent::clone(system, &origin.app(), "a1", "t1").await;
    first.operate("status", json!({})).await;
    // Again for the same task: a hit.
    let again = Agent::clone(system, &origin.app(), "a1", "t1").await;
    assert_eq!(first.sandbox_id(), again.sandbox_id());
    let mut agents = Vec::new();
    for name in ["b1", "b2", "b3"] {
        agents.push(Agent::clone(system, &origin.app(), name, "t1").await);
    }
    first.commit("notes/a1.txt", "a1\n").await;
    first.operate("push", json!({"branch": SHARED})).await;
    // Three at once onto one branch: whoever comes late is superseded and tries again.
    for (number, agent) in agents.iter().enumerate() {
        agent.commit(&format!("notes/{number}.txt"), "new\n").await;
    }
    let push = |agent: usize| agents[agent].operate("push", json!({"branch": SHARED}));
    tokio::join!(push(0), push(1), push(2));
    // The same line twice.
    again.commit("notes/0.txt", "mine\n").await;
    let (status, answer) = again.attempt("push", json!({"branch": SHARED})).await;
    assert_eq!((status, answer["failure"]["code"].as_str()), (200, Some("merge-conflict")), "{answer:#}");
    let missing = origin.remote.repository_url("acme/missing");
    let missing = json!({"repo_url": missing, "agent_id": "a2", "task_id": "t1"});
    let (status, answer) = system.post("/git/clone", &missing).await;
    assert_eq!((status, answer["outcome"].as_str()), (200, Some("failed")), "{answer:#}");
}

/// Waits until Prometheus has scraped the numbers of the ledger's last event; the instant of that scrape.
async fn scraped(prometheus: &Prometheus, setup: &Setup) -> f64 {
    until("the newest position in Prometheus", async || {
        let newest = setup.events().last()?["position"].as_u64()?;
        let at = prometheus.value(&format!("timestamp({POSITION})")).await?.parse().ok()?;
        let scraped = prometheus.all_at(POSITION, at).await;
        (scraped.first()?.1 == newest.to_string()).then_some(at)
    })
    .await
}

/// A bound of a bucket is a number, however it is written: 1, 1.0.
fn plain(name: String) -> String {
    name.parse::<f64>().map_or(name, |bound| bound.to_string())
}

/// What the panels show at an instant, series with nothing in them left out.
async fn shown(prometheus: &Prometheus, at: f64) -> Numbers {
    let mut all = Numbers::new();
    for panel in panels() {
        let found = prometheus.all_at(&query(&panel, WINDOW, WINDOW), at).await;
        let series = found.into_iter().filter_map(|(labels, number)| {
            let labels = labels.as_object()?;
            let name = labels.values().map(word).collect::<Vec<_>>().join(",");
            Some((plain(name), number.parse::<f64>().ok().filter(|number| !number.is_nan())?))
        });
        all.insert(word(&panel["title"]).to_owned(), series.collect());
    }
    all
}

/// What the script counts.
fn counted(setup: &Setup, at: f64) -> Numbers {
    let dir = system::temporary();
    let file = dir.path().join("events");
    let output = setup.run(&["events", "--json"]);
    fs::write(&file, output.stdout).expect("the events are written");
    let mut script = Command::new("python3");
    script.arg(path("tests/python/panels.py")).arg(file).args([at.to_string(), WINDOW_S.to_string()]);
    let output = script.output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counted: Numbers = serde_json::from_slice(&output.stdout).expect("JSON");
    let series =
        |numbers: BTreeMap<String, f64>| numbers.into_iter().map(|(name, number)| (plain(name), number));
    counted.into_iter().map(|(panel, numbers)| (panel, series(numbers).collect())).collect()
}

/// What was counted is what is shown. `slack` is how far amounts of money may differ, as a share: they depend on the
/// instant of the publication.
fn same(shown: &Numbers, counted: &Numbers, slack: f64) {
    if let Some(difference) = difference(shown, counted, slack) {
        panic!("{difference}");
    }
}

fn difference(shown: &Numbers, counted: &Numbers, slack: f64) -> Option<String> {
    assert_eq!(shown.len(), 12);
    for (panel, wanted) in counted {
        let slack = if panel.contains("Cost") { slack } else { 1e-9 };
        let found = &shown[panel];
        let differs = |name: &String| {
            let (found, wanted) = (found.get(name).unwrap_or(&0.0), wanted.get(name).unwrap_or(&0.0));
            (found - wanted).abs() > slack * wanted.abs()
        };
        let differing: Vec<&String> =
            found.keys().chain(wanted.keys()).filter(|name| differs(name)).collect();
        if !differing.is_empty() {
            return Some(format!("{panel}: {differing:?}\nshown   {found:?}\ncounted {wanted:?}"));
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn each_panel_shows_what_a_plain_script_counts_from_the_events() {
    let (pushgateway, origin) = (Pushgateway::start().await, Origin::start().await);
    let prometheus = Prometheus::scraping(&pushgateway).await;
    let setup = Setup::new().admitting(&origin).with("PUSHGATEWAY_URL", pushgateway.url());
    let system = setup.start().await;
    // Every series is there at zero before anything happens: `increase` needs that.
    prometheus.reaches("sum(git_operation_total)", "0").await;
    work(&system, &origin).await;

    // While sandboxes run.
    let at = scraped(&prometheus, &setup).await;
    let published = prometheus.all_at(r#"push_time_seconds{job="git_projector"}"#, at).await;
    let published: f64 = published[0].1.parse().expect("seconds");
    let (live, wanted) = (shown(&prometheus, at).await, counted(&setup, published));
    for (panel, numbers) in &wanted {
        assert!(numbers.values().any(|number| *number > 0.0), "nothing was done for {panel}: {wanted:?}");
    }
    same(&live, &wanted, 0.05);

    // When all have ended: money to the last digit but for the part of the month that is left.
    system.stop().await;
    let at = scraped(&prometheus, &setup).await;
    let published = prometheus.all_at(r#"push_time_seconds{job="git_projector"}"#, at).await;
    let published: f64 = published[0].1.parse().expect("seconds");
    let ended = shown(&prometheus, at).await;
    assert_eq!(ended["Active Sandboxes"][""].to_bits(), 0_f64.to_bits());
    // The last day is one of whole minutes. The numbers were made a moment before they were published, which may have
    // been in the minute before.
    let before = published - published % 60.0 - 0.001;
    let as_before = published % 60.0 < 2.0 && difference(&ended, &counted(&setup, before), 1e-4).is_none();
    if !as_before {
        same(&ended, &counted(&setup, published), 1e-4);
    }

    // And no query that is written down anywhere is refused.
    let queries = documented_queries();
    for expression in rules().iter().map(|rule| word(&rule["expr"]).to_owned()).chain(queries) {
        prometheus.all_at(&expression, at).await;
    }
}

#[test]
fn a_number_that_is_off_by_one_is_found() {
    let numbers = |push: f64| -> Numbers {
        let panels = panels();
        let titles = panels.iter().map(|panel| word(&panel["title"]).to_owned());
        titles.map(|title| (title, BTreeMap::from([("push".to_owned(), push)]))).collect()
    };
    same(&numbers(41.0), &numbers(41.0), 0.0);
    assert!(std::panic::catch_unwind(|| same(&numbers(41.0), &numbers(42.0), 0.0)).is_err());
    let nothing: Numbers = numbers(0.0).into_keys().map(|title| (title, BTreeMap::new())).collect();
    assert!(std::panic::catch_unwind(|| same(&nothing, &numbers(42.0), 0.0)).is_err());
}
