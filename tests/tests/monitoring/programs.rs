//! What the real programs say about the files: promtool of Prometheus, amtool of Alertmanager.

use std::path::Path;
use std::process::Command;

use gitledger_tests::tools;

use crate::files::{files, path};

/// Runs a program on files of the project; fails the test with what it said.
fn accepts(program: &Path, arguments: &[&str], files: &[String]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).args(files).current_dir(path(""));
    let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{} {arguments:?}:\n{said}", program.display());
    said
}

#[test]
fn promtool_tests_every_rule_and_every_panels_query() {
    let said = accepts(&tools::promtool(), &["test", "rules"], &files("monitoring/tests", "yml"));
    assert_eq!(said.matches("SUCCESS").count(), 3, "{said}");
}

#[test]
fn promtool_accepts_rules_and_configuration() {
    let promtool = tools::promtool();
    accepts(&promtool, &["check", "rules", "--lint=all", "--lint-fatal"], &files("monitoring/rules", "yml"));
    let said = accepts(
        &promtool,
        &["check", "config", "--lint=all", "--lint-fatal"],
        &["monitoring/prometheus.yml".to_owned()],
    );
    assert!(said.contains("3 rule files found"), "{said}");
}

#[test]
fn amtool_accepts_the_example_for_alertmanager() {
    let said = accepts(&tools::amtool(), &["check-config"], &["monitoring/alertmanager.yml".to_owned()]);
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
fn an_alert_goes_to_whom_its_severity_says() {
    let config = ["config", "routes", "test", "--config.file=monitoring/alertmanager.yml"];
    for (severity, receiver) in
        [("critical", "on-call"), ("warning", "team"), ("info", "review"), ("other", "nobody")]
    {
        let verify = format!("--verify.receivers={receiver}");
        let alert = ["alertname=GitOperationsHighLatency".to_owned(), format!("severity={severity}")];
        accepts(&tools::amtool(), &[&config[..], &[&verify]].concat(), &alert);
    }
}
