//! Rules: what they ask for exists, each is seen firing and quiet, each alert tells whoever it wakes what to do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::files::{alerts, documented_queries, list, rule_tests, rules, text, word};
use crate::promql;

/// The names of the rules that record.
pub fn recorded() -> BTreeSet<String> {
    rules().iter().filter_map(|rule| rule["record"].as_str().map(str::to_owned)).collect()
}

#[test]
fn every_metric_label_and_value_that_a_rule_asks_for_is_declared() {
    let recorded = recorded();
    let wrong: Vec<String> = rules()
        .iter()
        .flat_map(|rule| {
            let name = [word(&rule["record"]), word(&rule["alert"])].concat();
            let wrong = promql::unknown(word(&rule["expr"]), &recorded);
            wrong.into_iter().map(move |what| format!("{name}: {what}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_alert_is_seen_firing_and_seen_quiet() {
    let mut seen: BTreeMap<(String, String), [usize; 2]> = BTreeMap::new();
    let tests = rule_tests();
    for case in tests.iter().flat_map(|test| list(&test["alert_rule_test"])) {
        let name = word(&case["alertname"]).to_owned();
        let expected = list(&case["exp_alerts"]);
        if expected.is_empty() {
            seen.entry((name.clone(), String::new())).or_default()[0] += 1;
        }
        for alert in expected {
            let severity = word(&alert["exp_labels"]["severity"]).to_owned();
            seen.entry((name.clone(), severity)).or_default()[1] += 1;
        }
    }
    for alert in alerts() {
        let (name, severity) = (word(&alert["alert"]).to_owned(), word(&alert["labels"]["severity"]));
        let quiet = seen.get(&(name.clone(), String::new())).is_some_and(|seen| seen[0] > 0);
        let fires = seen.get(&(name.clone(), severity.to_owned())).is_some_and(|seen| seen[1] > 0);
        assert!(quiet, "{name} is never seen quiet");
        assert!(fires, "{name} ({severity}) is never seen firing");
    }
}

#[test]
fn every_recording_rule_is_seen_with_a_value() {
    let tests = rule_tests();
    let cases = tests.iter().flat_map(|test| list(&test["promql_expr_test"]));
    let with_values = cases.filter(|case| !list(&case["exp_samples"]).is_empty());
    let asked: BTreeSet<String> = with_values
        .flat_map(|case| promql::selectors(word(&case["expr"])))
        .map(|selector| selector.name)
        .collect();
    let missing: Vec<String> = recorded().difference(&asked).cloned().collect();
    assert!(missing.is_empty(), "monitoring/tests/recording.yml has nothing about {missing:?}");
}

#[test]
fn every_alert_has_what_whoever_it_wakes_needs() {
    for alert in alerts() {
        let name = word(&alert["alert"]);
        assert!(name.starts_with("GitOperations"), "{name} has another first word than its neighbours");
        let severity = word(&alert["labels"]["severity"]);
        assert!(["critical", "warning", "info"].contains(&severity), "{name} is {severity:?}");
        let told = &alert["annotations"];
        let summary = word(&told["summary"]);
        assert!(summary.ends_with('.') && !summary.contains("{{"), "{name}: a summary is one fixed sentence");
        assert!(word(&told["description"]).len() > 40, "{name} has no description");
        let anchor = format!("monitoring/runbook.md#{}", name.to_lowercase());
        assert_eq!(word(&told["runbook_url"]), anchor, "{name}");
    }
}

#[test]
fn the_runbook_has_a_section_for_every_alert_and_for_nothing_else() {
    let runbook = text("monitoring/runbook.md");
    let sections: Vec<(&str, &str)> =
        runbook.split("\n## ").skip(1).filter_map(|section| section.split_once('\n')).collect();
    let found: BTreeSet<&str> = sections.iter().map(|(name, _)| *name).collect();
    let alerts = alerts();
    let wanted: BTreeSet<&str> = alerts.iter().map(|alert| word(&alert["alert"])).collect();
    let found: BTreeSet<&str> = found.into_iter().filter(|name| name.starts_with("GitOperations")).collect();
    assert_eq!(found, wanted);
    for (name, section) in sections.iter().filter(|(name, _)| wanted.contains(name)) {
        for part in ["**Means:**", "**Whose move:**", "**Look at:**", "**Do:**"] {
            assert!(section.contains(part), "{name} does not say {part}");
        }
    }
}

#[test]
fn a_query_in_the_documentation_asks_only_for_what_there_is() {
    let recorded = recorded();
    for query in documented_queries() {
        let wrong = promql::unknown(&query, &recorded);
        assert!(wrong.is_empty(), "{query}: {wrong:?}");
    }
}

#[test]
fn the_example_for_alertmanager_knows_the_severities_and_the_alerts() {
    let config = crate::files::yaml("monitoring/alertmanager.yml");
    let receivers: BTreeSet<&str> = list(&config["receivers"]).iter().map(|one| word(&one["name"])).collect();
    let routes = list(&config["route"]["routes"]);
    for route in routes.iter().chain([&config["route"]]) {
        assert!(receivers.contains(word(&route["receiver"])), "{route}");
    }
    let all = config.to_string();
    for severity in ["critical", "warning", "info"] {
        assert!(all.contains(severity), "nothing is said about {severity}");
    }
    let known: BTreeSet<String> = alerts().iter().map(|alert| word(&alert["alert"]).to_owned()).collect();
    let named = all
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() > 13 && word.starts_with("GitOperations"));
    for name in named {
        assert!(known.contains(name), "there is no alert {name}");
    }
    let inhibited = list(&config["inhibit_rules"]);
    assert!(inhibited.iter().all(|rule| rule["source_matchers"] != Value::Null), "{inhibited:?}");
}
