//! The template's alarms: of what Prometheus cannot see, and where it sees the same, with the same numbers.

use gitledger_tests::workspace;
use serde_json::Value;

use crate::template::{text, translated};

/// Alarms with an alert of `monitoring/` behind them, which the alarm's description names.
const AS_ALERTS: [(&str, &str); 2] = [
    ("ProjectorBehindAlarm", "GitOperationsProjectorBehind"),
    ("ReaperFailsAlarm", "GitOperationsReaperStopped"),
];

/// Alarms that have none, and why.
const ALONE: [(&str, &str); 3] = [
    ("ApiFaultsAlarm", "a request that no function could answer is no operation, so no event tells of it"),
    ("DeadLettersAlarm", "one machine has no queue: what it cannot do it says to whoever waits"),
    ("SequencerBehindAlarm", "SQLite gives an event its place when it is appended"),
];

fn alert(name: &str) -> Value {
    let file = workspace::root().join("monitoring/rules/alerts.yml");
    let rules: Value = serde_norway::from_str(&std::fs::read_to_string(file).expect("alerts")).expect("YAML");
    let groups = rules["groups"].as_array().expect("groups");
    let mut all = groups.iter().flat_map(|group| group["rules"].as_array().into_iter().flatten());
    all.find(|rule| rule["alert"] == name).unwrap_or_else(|| panic!("monitoring/ has no {name}")).clone()
}

fn alarms() -> Vec<(String, Value)> {
    let translated = translated(&text()).unwrap_or_else(|error| panic!("{error}"));
    let resources = translated["Resources"].as_object().expect("resources");
    let alarms = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    alarms.map(|(name, alarm)| (name.clone(), alarm["Properties"].clone())).collect()
}

#[test]
fn every_alarm_names_the_alert_that_it_is_or_has_a_reason_to_be_alone() {
    let alarms = alarms();
    for (name, alarm) in &alarms {
        let described = alarm["AlarmDescription"].as_str().unwrap_or_default();
        if let Some((_, named)) = AS_ALERTS.iter().find(|(alarm, _)| alarm == name) {
            alert(named);
            assert!(described.contains(named), "{name} does not say that it is {named}: {described}");
        } else {
            assert!(ALONE.iter().any(|(alone, _)| alone == name), "{name}: which alert is it, or why none?");
            assert!(!described.contains("GitOperations"), "{name}: {described}");
        }
    }
    assert_eq!(alarms.len(), AS_ALERTS.len() + ALONE.len(), "one of the lists names an alarm that is gone");
}

#[test]
fn a_projector_is_behind_for_the_alarm_when_it_is_for_the_alert() {
    let (_, alarm) = alarms().into_iter().find(|(name, _)| name == "ProjectorBehindAlarm").expect("an alarm");
    let alert = alert("GitOperationsProjectorBehind");
    let limit_s: f64 = alert["expr"]
        .as_str()
        .and_then(|expr| expr.rsplit_once("> ")?.1.trim().parse().ok())
        .expect("a limit");
    assert_eq!(alarm["Threshold"].as_f64(), Some(limit_s * 1000.0));
    let minutes =
        alarm["Period"].as_u64().zip(alarm["EvaluationPeriods"].as_u64()).map(|(s, times)| s * times / 60);
    assert_eq!(alert["for"].as_str(), minutes.map(|minutes| format!("{minutes}m")).as_deref());
}
