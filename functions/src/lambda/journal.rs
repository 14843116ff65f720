//! One line of JSON per invocation: what it was, how it ended, what it took. CloudWatch makes metrics of it (the
//! embedded metric format), and people find an operation's invocations by its id.
//!
//! Deliberately absent: a client for metrics. A function is frozen between invocations, so nobody can scrape it,
//! and what it prints costs no round trip.

use std::io::Write;

use gitledger_sandboxes::Trace;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::invocation::Invocation;

/// Under which CloudWatch keeps the functions' own metrics.
const NAMESPACE: &str = "gitledger";

/// What is told of an invocation beside its times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note {
    /// How it ended, in one word: an operation's outcome, `rejected`, `fault`, `done`.
    pub outcome: &'static str,
    /// The operation that it was about.
    pub operation_id: Option<Uuid>,
    /// The trace that it belongs to.
    pub trace: Option<Trace>,
    /// Records of a batch, and those that come again.
    pub batch: Option<(usize, usize)>,
    /// How many events are in no number, since nobody could read them; for whoever has looked.
    pub parked: Option<usize>,
}

/// Who tells.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    /// The function's name in the catalogue.
    pub function: &'static str,
    /// Whose function it is, where an account has several; nobody's on a developer's machine.
    pub deployment: Option<String>,
}

impl Journal {
    /// Writes the line. A line that cannot be written is nobody's trouble.
    pub fn write(&self, invocation: &Invocation, note: &Note, now: Timestamp) {
        let mut line = line(self, invocation, note, now, peak_memory_mb()).to_string();
        line.push('\n');
        let _ = std::io::stdout().lock().write_all(line.as_bytes());
    }
}

/// The metrics that a line has: of the function, and of the deployment as a whole.
fn metrics(deployed: bool, counts_parked: bool) -> Value {
    let metric = |name: &str, unit: &str| json!({"Name": name, "Unit": unit});
    let of = |dimensions: &[&str], metrics: &[Value]| {
        let named = dimensions.iter().filter(|name| deployed || **name != "deployment").collect::<Vec<_>>();
        json!({"Namespace": NAMESPACE, "Dimensions": [named], "Metrics": metrics})
    };
    let mut all = vec![of(
        &["deployment", "function"],
        &[
            metric("duration_ms", "Milliseconds"),
            metric("cold_starts", "Count"),
            metric("faults", "Count"),
            metric("memory_mb", "Megabytes"),
        ],
    )];
    if counts_parked {
        all.push(of(&["deployment"], &[metric("parked_events", "Count")]));
    }
    json!(all)
}

fn line(
    journal: &Journal,
    invocation: &Invocation,
    note: &Note,
    now: Timestamp,
    memory_mb: Option<f64>,
) -> Value {
    let duration_ms = invocation.began.elapsed().as_micros();
    let mut line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": metrics(journal.deployment.is_some(), note.parked.is_some()),
        },
        "level": if note.outcome == "fault" { "ERROR" } else { "INFO" },
        "message": "invocation ended",
        "function": journal.function,
        "request_id": invocation.request_id,
        "outcome": note.outcome,
        "duration_ms": round(duration_ms),
        "cold_starts": u8::from(invocation.cold),
        "faults": u8::from(note.outcome == "fault"),
    });
    if let Some(deployment) = &journal.deployment {
        line["deployment"] = json!(deployment);
    }
    if let Some(parked) = note.parked {
        line["parked_events"] = json!(parked);
    }
    if let Some(memory_mb) = memory_mb {
        line["memory_mb"] = json!(memory_mb);
    }
    if let Some(id) = note.operation_id {
        line["operation_id"] = json!(id);
    }
    if let Some(trace) = note.trace.or(invocation.trace) {
        line["trace_id"] = json!(trace.id.simple().to_string());
    }
    if let Some((records, again)) = note.batch {
        line["records"] = json!(records);
        line["records_again"] = json!(again);
    }
    line
}

#[allow(clippy::cast_precision_loss)] // a function runs for minutes
fn round(micros: u128) -> f64 {
    micros as f64 / 1000.0
}

/// The most memory that this process ever had; `None` where the system does not say.
fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u32 = line.split_whitespace().next()?.parse().ok()?;
    Some((f64::from(kib) / 1024.0 * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn told(deployment: Option<&str>, note: &Note) -> Value {
        let invocation = Invocation {
            request_id: "r1".to_owned(),
            cold: true,
            began: Instant::now(),
            time: None,
            trace: None,
        };
        let journal = Journal { function: "git-status", deployment: deployment.map(str::to_owned) };
        line(&journal, &invocation, note, Timestamp::UNIX_EPOCH, Some(9.5))
    }

    /// The names of the metrics with these dimensions; each has its number, and each dimension its text.
    fn metrics_by(line: &Value, dimensions: &[&str]) -> Vec<String> {
        let sets = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        let found = sets.iter().filter(|set| set["Dimensions"] == json!([dimensions]));
        let metrics = found.flat_map(|set| set["Metrics"].as_array().unwrap());
        let names: Vec<_> = metrics.map(|metric| metric["Name"].as_str().unwrap().to_owned()).collect();
        assert!(names.iter().all(|name| line[name].is_number()), "{line:#}");
        assert!(dimensions.iter().all(|name| line[name].is_string()), "{line:#}");
        names
    }

    #[test]
    fn every_metric_that_is_named_has_its_value_and_its_dimension() {
        let note = Note { outcome: "succeeded", operation_id: Some(Uuid::nil()), ..Note::default() };
        let line = told(Some("gitledger-"), &note);
        let names = metrics_by(&line, &["deployment", "function"]);
        assert_eq!(names, ["duration_ms", "cold_starts", "faults", "memory_mb"]);
        assert_eq!(line["_aws"]["CloudWatchMetrics"].as_array().unwrap().len(), 1);
        assert_eq!(
            (line["deployment"].as_str(), line["function"].as_str()),
            (Some("gitledger-"), Some("git-status"))
        );
        assert_eq!(
            (line["operation_id"].as_str(), line["request_id"].as_str()),
            (Some("00000000-0000-0000-0000-000000000000"), Some("r1"))
        );
        assert!(!line.to_string().contains('\n'));
        assert_eq!(metrics_by(&told(None, &note), &["function"]).len(), 4, "nobody's has one dimension less");
    }

    #[test]
    fn what_is_parked_is_a_metric_of_the_deployment_whoever_has_looked() {
        let line = told(Some("gitledger-"), &Note { parked: Some(2), ..Note::default() });
        assert_eq!(metrics_by(&line, &["deployment"]), ["parked_events"]);
        assert_eq!(line["parked_events"], 2);
    }

    #[test]
    fn the_system_tells_how_much_memory_was_taken() {
        assert!(peak_memory_mb().is_some_and(|mb| mb > 0.5));
    }
}
