//! The dashboard: twelve panels whose queries are the tested ones, whose lines are the alerts' thresholds, and which
//! Grafana finds and fills.

use std::collections::BTreeSet;
use std::fmt::Write;

use gitledger_projections::metrics::process::PROCESS;
use gitledger_projections::metrics::{Kind, METRICS, Metric};
use serde_json::Value;

use crate::files::{dashboard, list, panels, path, rules, text, word, yaml};
use crate::promql;

/// The twelve, as people know them.
const TITLES: [&str; 12] = [
    "Operation Success Rate",
    "P95 Latency by Operation",
    "Active Sandboxes",
    "Operations per Minute",
    "Error Rate by Type",
    "Sandbox Creation Time Heatmap",
    "Cache Hit Ratio",
    "Estimated Monthly Cost",
    "Daily Cost Trend",
    "Operations Distribution",
    "Push Retry Attempts",
    "Conflicts Detected",
];

/// The scrape interval of monitoring/prometheus.yml, in seconds.
const SCRAPE_S: u64 = 15;

/// A panel's query with Grafana's variables filled in, for a dashboard of one range.
pub fn query(panel: &Value, range: &str, rate_interval: &str) -> String {
    let targets = list(&panel["targets"]);
    assert_eq!(targets.len(), 1, "{} has one query", panel["title"]);
    let expr = word(&targets[0]["expr"]);
    let filled =
        expr.replace("$__rate_interval", rate_interval).replace("$__range", range).replace("$job", ".+");
    assert!(!filled.contains('$'), "{}: a variable is left in {filled}", panel["title"]);
    filled
}

/// `$__rate_interval` as Grafana makes it when one point is as wide as the panel's shortest interval.
fn rate_interval(panel: &Value) -> String {
    let Some(minutes) = panel["interval"].as_str().and_then(|text| text.strip_suffix('m')) else {
        return "no panel without an interval asks for a rate".to_owned();
    };
    let seconds = minutes.parse::<u64>().expect("minutes") * 60;
    let chosen = (seconds + SCRAPE_S).max(4 * SCRAPE_S);
    format!("{}m{}s", chosen / 60, chosen % 60)
}

#[test]
fn the_dashboard_has_the_twelve_panels_under_their_names_and_numbers() {
    let dashboard = dashboard();
    assert_eq!(dashboard["title"], "Git Operations - E2B Sandbox Monitoring");
    let mut panels = panels();
    panels.sort_by_key(|panel| panel["id"].as_u64());
    let titles: Vec<&str> = panels.iter().map(|panel| word(&panel["title"])).collect();
    assert_eq!(titles, TITLES);
}

#[test]
fn every_metric_label_and_value_on_the_dashboard_is_declared() {
    let none = BTreeSet::new();
    for panel in panels() {
        let wrong = promql::unknown(word(&panel["targets"][0]["expr"]), &none);
        assert!(wrong.is_empty(), "{}: {wrong:?}", panel["title"]);
    }
}

#[test]
fn the_queries_that_promtool_tests_are_the_dashboards_own() {
    let tests = yaml("monitoring/tests/panels.yml");
    let tests = list(&tests["tests"]);
    assert_eq!(tests.len(), 2, "with work and without");
    for test in tests {
        let tested: Vec<&str> =
            list(&test["promql_expr_test"]).iter().map(|case| word(&case["expr"])).collect();
        for panel in panels() {
            let query = query(&panel, "1h", &rate_interval(&panel));
            // A test may round what a query gives.
            let found = tested.iter().filter(|tested| tested.contains(&query)).count();
            assert!(found > 0, "{}, {}: no test of {query}", test["name"], panel["title"]);
        }
        assert_eq!(tested.len(), TITLES.len(), "{}", test["name"]);
    }
    let busy = list(&tests[0]["promql_expr_test"]);
    assert!(
        busy.iter().all(|case| !list(&case["exp_samples"]).is_empty()),
        "with work every panel shows something"
    );
}

fn threshold(criterion: &str) -> f64 {
    let rules = rules();
    let rule = rules
        .iter()
        .find(|rule| rule["labels"]["criterion"] == criterion && word(&rule["expr"]).starts_with("vector("));
    let expr = word(&rule.unwrap_or_else(|| panic!("no threshold for {criterion}"))["expr"]).to_owned();
    expr.trim_start_matches("vector(").trim_end_matches(')').parse().expect("a number")
}

fn lines(title: &str) -> Vec<f64> {
    let panels = panels();
    let panel = panels.iter().find(|panel| panel["title"] == title).expect("the panel");
    let steps = list(&panel["fieldConfig"]["defaults"]["thresholds"]["steps"]);
    steps.iter().filter_map(|step| step["value"].as_f64()).collect()
}

#[test]
fn a_line_on_the_dashboard_is_where_the_alert_fires() {
    let has = |title: &str, value: f64| {
        let lines = lines(title);
        assert!(lines.iter().any(|line| (line - value).abs() < 1e-9), "{title} has {lines:?}, not {value}");
    };
    has("Operation Success Rate", 1.0 - threshold("error_ratio"));
    has("P95 Latency by Operation", threshold("p95_latency_seconds"));
    has("Cache Hit Ratio", 1.0 - threshold("cache_miss_ratio"));
    has("Estimated Monthly Cost", threshold("monthly_cost_dollars"));
    has("Daily Cost Trend", threshold("monthly_cost_dollars") / 30.0);
    let panels = panels();
    let sandboxes = panels.iter().find(|panel| panel["title"] == "Active Sandboxes").expect("the panel");
    assert_eq!(sandboxes["fieldConfig"]["defaults"]["max"].as_f64(), Some(threshold("sandboxes")));
}

#[test]
fn grafana_finds_the_data_source_and_the_dashboard() {
    let sources = yaml("monitoring/grafana/provisioning/datasources/prometheus.yml");
    let source = &sources["datasources"][0];
    // Without a uid Grafana makes one up, and whatever names it finds nothing.
    assert_eq!(source["uid"], "prometheus");
    assert_eq!(source["type"], "prometheus");
    assert_eq!(source["isDefault"], true, "the variable datasource takes the default");
    let prometheus = yaml("monitoring/prometheus.yml");
    assert_eq!(prometheus["global"]["scrape_interval"], source["jsonData"]["timeInterval"]);
    assert_eq!(word(&source["jsonData"]["timeInterval"]), format!("{SCRAPE_S}s"));

    let providers = yaml("monitoring/grafana/provisioning/dashboards/git-operations.yml");
    let provider = &providers["providers"][0];
    assert_eq!(provider["type"], "file");
    assert_eq!(provider["allowUiUpdates"], false);
    assert_eq!(provider["options"]["path"], "$GITLEDGER_DASHBOARDS");
}

/// A table of metrics, from their declarations.
fn metrics_table(metrics: &[Metric]) -> String {
    let mut table = "| metric | kind | labels | |\n|---|---|---|---|\n".to_owned();
    for metric in metrics {
        let kind = match metric.kind {
            Kind::Counter | Kind::FractionalCounter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{}`", label.name)).collect();
        writeln!(table, "| `{}` | {kind} | {} | {} |", metric.name, labels.join(", "), metric.help)
            .expect("text");
    }
    table
}

/// `GITLEDGER_REWRITE=1 cargo test -p gitledger-tests --test monitoring` writes the tables anew.
#[test]
fn the_guide_explains_every_panel_and_lists_every_metric() {
    let name = "monitoring/README.md";
    let guide = text(name);
    for title in TITLES {
        assert!(guide.contains(&format!("| {title} |")), "nothing about {title}");
    }
    let mut wanted = guide.clone();
    for (mark, metrics) in [("metrics", METRICS), ("process metrics", PROCESS)] {
        let (open, close) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
        let (before, rest) = wanted.split_once(&open).expect("a place for the table");
        let (_, after) = rest.split_once(&close).expect("its end");
        wanted = format!("{before}{open}{}{close}{after}", metrics_table(metrics));
    }
    if guide != wanted && std::env::var_os("GITLEDGER_REWRITE").is_some_and(|value| value == "1") {
        std::fs::write(path(name), wanted).expect("the guide is written");
        return;
    }
    assert!(guide == wanted, "{name}: rewrite it with GITLEDGER_REWRITE=1");
}
