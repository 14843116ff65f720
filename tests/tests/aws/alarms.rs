//! The template's alarms: of what Prometheus cannot see, and where it sees the same, with the same numbers.

use gitledger_tests::workspace;
use serde_json::{Value, json};

use crate::template::{text, translated};

/// Alarms with an alert of `monitoring/` behind them, which the alarm's description names.
const AS_ALERTS: [(&str, &str); 6] = [
    ("EventsParkedAlarm", "GitOperationsEventsParked"),
    ("FeedBehindAlarm", "GitOperationsFeedBehind"),
    ("MetricsStaleAlarm", "GitOperationsMetricsStale"),
    ("ProjectorBehindAlarm", "GitOperationsProjectorBehind"),
    ("ReaperFailsAlarm", "GitOperationsReaperStopped"),
    ("ReaperStoppedAlarm", "GitOperationsReaperStopped"),
];

/// Alarms that have none, and why.
const ALONE: [(&str, &str); 3] = [
    ("ApiFaultsAlarm", "a request that no function could answer is no operation, so no event tells of it"),
    ("DeadLettersAlarm", "one machine has no queue: what it cannot do it says to whoever waits"),
    ("SequencerBehindAlarm", "SQLite gives an event its place when it is appended"),
];

/// Alerts on the machinery that no alarm is, and why AWS needs none.
const UNALARMED: [(&str, &str); 4] = [
    ("GitOperationsMetricsAbsent", "that nothing arrives is seen where it should arrive"),
    ("GitOperationsPublicationRefused", "a refusal fails the exporter, which MetricsStaleAlarm sees"),
    ("GitOperationsPublicationUnreliable", "no number is lost, and the next publication tells of it"),
    ("GitOperationsUnknownErrors", "it is about operations, not about what runs them"),
];

/// Alarms on what may be switched off, and by which property of which resource it is.
const SWITCHED: [(&str, &str, &str); 2] = [
    ("FeedBehindAlarm", "FeedFunctionChanges", "Enabled"),
    ("MetricsStaleAlarm", "ExporterFunctionPublish", "State"),
];

fn groups() -> Vec<Value> {
    let file = workspace::root().join("monitoring/rules/alerts.yml");
    let rules: Value = serde_norway::from_str(&std::fs::read_to_string(file).expect("alerts")).expect("YAML");
    rules["groups"].as_array().expect("groups").clone()
}

fn rules(group: &Value) -> &[Value] {
    group["rules"].as_array().map_or(&[], Vec::as_slice)
}

fn alert(name: &str) -> Value {
    let groups = groups();
    let found = groups.iter().flat_map(rules).find(|rule| rule["alert"] == name);
    found.unwrap_or_else(|| panic!("monitoring/ has no {name}")).clone()
}

/// Beyond how many seconds an alert is one.
fn limit_s(alert: &Value) -> u64 {
    let limit = alert["expr"].as_str().and_then(|expr| expr.rsplit_once("> ")?.1.trim().parse().ok());
    limit.unwrap_or_else(|| panic!("{} has no limit", alert["alert"]))
}

fn resources() -> Value {
    let mut translated = translated(&text()).unwrap_or_else(|error| panic!("{error}"));
    translated["Resources"].take()
}

fn alarms(resources: &Value) -> Vec<(&String, &Value)> {
    let all = resources.as_object().expect("resources").iter();
    all.filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm").collect()
}

/// For how many seconds its number has to be wrong.
fn wrong_s(alarm: &Value) -> u64 {
    let of = |name: &str| alarm["Properties"][name].as_u64().expect("a number");
    of("Period") * of("EvaluationPeriods")
}

#[test]
fn every_alarm_names_the_alert_that_it_is_or_has_a_reason_to_be_alone() {
    let resources = resources();
    let alarms = alarms(&resources);
    for (name, alarm) in &alarms {
        let described = alarm["Properties"]["AlarmDescription"].as_str().unwrap_or_default();
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
fn every_alert_on_the_machinery_is_an_alarm_or_has_a_reason_to_be_none() {
    let groups = groups();
    let machinery = groups.iter().find(|group| group["name"] == "git-metrics-alerts").expect("the group");
    let alerts: Vec<&str> = rules(machinery).iter().filter_map(|rule| rule["alert"].as_str()).collect();
    for alert in &alerts {
        let is_alarm = AS_ALERTS.iter().any(|(_, named)| named == alert);
        let has_reason = UNALARMED.iter().any(|(unalarmed, _)| unalarmed == alert);
        assert!(is_alarm != has_reason, "{alert}: which alarm is it, or why none?");
    }
    for (name, _) in UNALARMED {
        assert!(alerts.contains(&name), "{name} is gone");
    }
}

#[test]
fn what_lags_is_behind_for_the_alarm_when_it_is_for_the_alert() {
    let resources = resources();
    for (name, named) in AS_ALERTS.iter().filter(|(name, _)| name.ends_with("BehindAlarm")) {
        let (alarm, alert) = (&resources[*name], alert(named));
        assert_eq!(alarm["Properties"]["Threshold"].as_u64(), Some(limit_s(&alert) * 1000), "{name}");
        assert_eq!(alert["for"], format!("{}m", wrong_s(alarm) / 60), "{name}");
    }
}

#[test]
fn what_has_stopped_has_for_the_alarm_when_it_has_for_the_alert() {
    let resources = resources();
    for (name, metric, function) in [
        ("MetricsStaleAlarm", "Errors", "ExporterFunction"),
        ("ReaperStoppedAlarm", "Invocations", "ReaperFunction"),
    ] {
        let (_, named) = AS_ALERTS.iter().find(|(alarm, _)| *alarm == name).expect("its alert");
        let alarm = &resources[name];
        assert_eq!(wrong_s(alarm), limit_s(&alert(named)), "{name}");
        assert_eq!(alarm["Properties"]["MetricName"], metric, "{name}");
        assert_eq!(alarm["Properties"]["Dimensions"][0]["Value"]["Ref"], function, "{name}");
    }
}

/// What the projector tells, in `functions/src/lambda/journal.rs`, by the deployment that it belongs to.
#[test]
fn what_is_parked_is_for_the_alarm_what_it_is_for_the_alert() {
    let (resources, alert) = (resources(), alert("GitOperationsEventsParked"));
    let (alarm, projector) = (&resources["EventsParkedAlarm"], &resources["ProjectorFunction"]);
    assert_eq!(alarm["Properties"]["Threshold"].as_u64(), Some(limit_s(&alert)));
    assert_eq!(alert["for"], format!("{}m", wrong_s(alarm) / 60));
    assert_eq!(alarm["Properties"]["Namespace"], "gitledger");
    assert_eq!(alarm["Properties"]["MetricName"], "parked_events");
    let deployment = &projector["Properties"]["Environment"]["Variables"]["GITLEDGER_DEPLOYMENT"];
    assert_eq!(alarm["Properties"]["Dimensions"], json!([{"Name": "deployment", "Value": deployment}]));
}

/// A function that is not invoked has no numbers: of the reaper that is bad, what is parked is so still, and of others
/// it is that there is no work.
#[test]
fn no_number_is_a_bad_sign_of_the_reaper_alone() {
    let resources = resources();
    for (name, alarm) in alarms(&resources) {
        let missing = match name.as_str() {
            "ReaperStoppedAlarm" => "breaching",
            "EventsParkedAlarm" => "ignore",
            _ => "notBreaching",
        };
        assert_eq!(alarm["Properties"]["TreatMissingData"], missing, "{name}");
    }
}

#[test]
fn every_alarm_goes_to_the_topic_and_there_is_none_on_what_is_switched_off() {
    let resources = resources();
    let topic = json!({"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]});
    for (name, alarm) in alarms(&resources) {
        assert_eq!(alarm["Properties"]["AlarmActions"], topic, "{name}");
        let switched = SWITCHED.iter().find(|(switched, ..)| switched == name);
        let by = switched.map(|(_, switch, is)| &resources[*switch]["Properties"][*is]["Fn::If"][0]);
        assert_eq!(alarm.get("Condition"), by, "{name}");
    }
}
