//! The rules of Grafana's dashboard-linter that can be checked without its program, under their own names, and some
//! that it lacks. What it excludes here is in `.lint` beside the dashboard.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::files::{dashboard, list, word, yaml};

const SOURCE: &str = "${datasource}";
/// The units that the panels use, all of them on the linter's list.
const UNITS: [&str; 6] = ["short", "percentunit", "s", "opm", "cpm", "currencyUSD"];
const GRID_WIDTH: u64 = 24;

/// A rule: its name, what it has to say about a dashboard, and a change after which it must say something.
type Rule = (&'static str, fn(&Value) -> Vec<String>, fn(&mut Value));

const RULES: [Rule; 14] = [
    ("template-datasource-rule", template_datasource, |it| {
        it["templating"]["list"][0]["query"] = json!("loki");
    }),
    ("template-job-rule", template_job, |it| it["templating"]["list"][1]["allValue"] = json!(".*")),
    ("template-on-time-change-reload-rule", template_reload, |it| {
        it["templating"]["list"][1]["refresh"] = json!(1);
    }),
    ("template-label-promql-rule", template_label, |it| {
        it["templating"]["list"][1]["definition"] = json!("up{");
    }),
    ("panel-datasource-rule", panel_datasource, |it| {
        it["panels"][1]["datasource"]["uid"] = json!("prometheus");
    }),
    ("panel-title-description-rule", panel_words, |it| it["panels"][2]["description"] = json!("")),
    ("panel-units-rule", panel_units, |it| {
        it["panels"][3]["fieldConfig"]["defaults"]["unit"] = json!("errors/min");
    }),
    ("panel-no-targets-rule", panel_targets, |it| it["panels"][4]["targets"] = json!([])),
    ("target-datasource-rule", target_datasource, |it| {
        it["panels"][1]["targets"][0]["datasource"] = json!(null);
    }),
    ("target-job-rule", target_job, |it| it["panels"][1]["targets"][0]["expr"] = json!("sum(up)")),
    ("target-rate-interval-rule", target_rate, |it| {
        it["panels"][6]["targets"][0]["expr"] = json!("rate(up{job=~\"$job\"}[5m])");
    }),
    ("uneditable-dashboard", uneditable, |it| it["editable"] = json!(true)),
    ("own: ids and places are each panel's own", places, |it| {
        it["panels"][2]["gridPos"] = it["panels"][1]["gridPos"].clone();
    }),
    ("own: loadable from a file", from_file, |it| it["__inputs"] = json!([{"name": "DS_PROMETHEUS"}])),
];

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    list(&dashboard["panels"]).iter().filter(|panel| panel["type"] != "row")
}

fn targets(dashboard: &Value) -> impl Iterator<Item = (&str, &Value)> {
    panels(dashboard)
        .flat_map(|panel| list(&panel["targets"]).iter().map(|target| (word(&panel["title"]), target)))
}

fn variable<'d>(dashboard: &'d Value, name: &str) -> &'d Value {
    list(&dashboard["templating"]["list"]).iter().find(|one| one["name"] == name).unwrap_or(&Value::Null)
}

/// The complaint when something is not so.
fn unless(holds: bool, complaint: impl Into<String>) -> Option<String> {
    (!holds).then(|| complaint.into())
}

fn template_datasource(dashboard: &Value) -> Vec<String> {
    let it = variable(dashboard, "datasource");
    let fine = it["type"] == "datasource" && it["query"] == "prometheus" && it["label"] == "Data source";
    unless(fine, format!("the variable datasource is {it}")).into_iter().collect()
}

fn template_job(dashboard: &Value) -> Vec<String> {
    let it = variable(dashboard, "job");
    let fine = it["type"] == "query"
        && it["label"] == "Job"
        && it["multi"] == true
        && it["includeAll"] == true
        && it["allValue"] == ".+"
        && it["datasource"]["uid"] == SOURCE;
    unless(fine, format!("the variable job is {it}")).into_iter().collect()
}

fn template_reload(dashboard: &Value) -> Vec<String> {
    let queries = list(&dashboard["templating"]["list"]).iter().filter(|one| one["type"] == "query");
    queries
        .filter_map(|one| unless(one["refresh"] == 2, format!("{} is not read again", one["name"])))
        .collect()
}

fn template_label(dashboard: &Value) -> Vec<String> {
    let it = variable(dashboard, "job");
    let fine = |query: &Value| word(query) == "label_values(git_operation_total, job)";
    unless(fine(&it["definition"]) && fine(&it["query"]["query"]), "label_values of something else")
        .into_iter()
        .collect()
}

fn panel_datasource(dashboard: &Value) -> Vec<String> {
    let wrong = panels(dashboard).filter(|panel| panel["datasource"]["uid"] != SOURCE);
    wrong.map(|panel| word(&panel["title"]).to_owned()).collect()
}

fn panel_words(dashboard: &Value) -> Vec<String> {
    let said =
        |panel: &Value| !word(&panel["title"]).is_empty() && word(&panel["description"]).ends_with('.');
    panels(dashboard).filter(|panel| !said(panel)).map(|panel| panel["id"].to_string()).collect()
}

fn panel_units(dashboard: &Value) -> Vec<String> {
    let unit = |panel: &Value| word(&panel["fieldConfig"]["defaults"]["unit"]).to_owned();
    let wrong = panels(dashboard).filter(|panel| !UNITS.contains(&unit(panel).as_str()));
    wrong.map(|panel| format!("{}: {:?}", panel["title"], unit(panel))).collect()
}

fn panel_targets(dashboard: &Value) -> Vec<String> {
    let none = panels(dashboard).filter(|panel| list(&panel["targets"]).is_empty());
    none.map(|panel| word(&panel["title"]).to_owned()).collect()
}

fn target_datasource(dashboard: &Value) -> Vec<String> {
    let wrong = targets(dashboard).filter(|(_, target)| target["datasource"]["uid"] != SOURCE);
    wrong.map(|(title, _)| title.to_owned()).collect()
}

/// Every metric of a query is limited to the chosen jobs.
fn target_job(dashboard: &Value) -> Vec<String> {
    let job = ("job".to_owned(), "=~".to_owned(), "$job".to_owned());
    let limited = |expr: &str| {
        let selectors = crate::promql::selectors(expr);
        !selectors.is_empty() && selectors.iter().all(|selector| selector.matchers.contains(&job))
    };
    let wrong = targets(dashboard).filter(|(_, target)| !limited(word(&target["expr"])));
    wrong.map(|(title, _)| title.to_owned()).collect()
}

/// Only a range that Grafana chooses is never too short for two scrapes.
fn target_rate(dashboard: &Value) -> Vec<String> {
    let fixed = |expr: &str| {
        let ranges = expr.split('[').skip(1).filter_map(|rest| rest.split(']').next());
        let mut ranges = ranges.peekable();
        let rates = expr.contains("rate(");
        ranges.any(|range| if rates { range != "$__rate_interval" } else { !range.starts_with('$') })
    };
    targets(dashboard)
        .filter(|(_, target)| fixed(word(&target["expr"])))
        .map(|(title, _)| title.to_owned())
        .collect()
}

fn uneditable(dashboard: &Value) -> Vec<String> {
    unless(dashboard["editable"] == false, "what is changed in the browser is lost").into_iter().collect()
}

fn places(dashboard: &Value) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    let mut wrong = Vec::new();
    for panel in list(&dashboard["panels"]) {
        let side = |name: &str| panel["gridPos"][name].as_u64().unwrap_or_default();
        wrong.extend(unless(ids.insert(panel["id"].as_u64()), format!("id {} twice", panel["id"])));
        wrong.extend(unless(side("x") + side("w") <= GRID_WIDTH, format!("{} is too wide", panel["title"])));
        for (x, y) in (side("x")..side("x") + side("w"))
            .flat_map(|x| (side("y")..side("y") + side("h")).map(move |y| (x, y)))
        {
            wrong.extend(unless(taken.insert((x, y)), format!("{} lies over another panel", panel["title"])));
        }
    }
    wrong
}

/// A file is never asked for inputs, has a fixed address, and no number of a database.
fn from_file(dashboard: &Value) -> Vec<String> {
    let fine = dashboard["uid"] == "git-operations"
        && dashboard["id"].is_null()
        && dashboard["__inputs"].is_null()
        && dashboard["style"].is_null()
        && dashboard["timezone"] == "utc";
    unless(fine, "made for another way of loading").into_iter().collect()
}

#[test]
fn the_dashboard_passes_every_rule_of_the_dashboard_linter() {
    let dashboard = dashboard();
    for (name, rule, _) in RULES {
        let complaints = rule(&dashboard);
        assert!(complaints.is_empty(), "{name}: {complaints:?}");
    }
}

#[test]
fn every_rule_finds_what_it_is_for() {
    for (name, rule, plant) in RULES {
        let mut dashboard = dashboard();
        plant(&mut dashboard);
        assert!(!rule(&dashboard).is_empty(), "{name} finds nothing");
    }
}

#[test]
fn what_the_linter_shall_not_look_at_has_a_reason() {
    let exclusions = yaml("monitoring/grafana/dashboards/.lint")["exclusions"].clone();
    let exclusions = exclusions.as_object().expect("a map").clone();
    for (rule, why) in &exclusions {
        assert!(word(&why["reason"]).len() > 20, "{rule}");
        assert!(RULES.iter().all(|(name, ..)| name != rule), "{rule} is checked here");
    }
}
