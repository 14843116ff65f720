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
}

/// Writes the line. A line that cannot be written is nobody's trouble.
pub(crate) fn write(function: &str, invocation: &Invocation, note: &Note, now: Timestamp) {
    let mut line = line(function, invocation, note, now, peak_memory_mb()).to_string();
    line.push('\n');
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

fn line(
    function: &str,
    invocation: &Invocation,
    note: &Note,
    now: Timestamp,
    memory_mb: Option<f64>,
) -> Value {
    let duration_ms = invocation.began.elapsed().as_micros();
    let metric = |name: &str, unit: &str| json!({"Name": name, "Unit": unit});
    let mut line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["function"]],
                "Metrics": [
                    metric("duration_ms", "Milliseconds"),
                    metric("cold_starts", "Count"),
                    metric("faults", "Count"),
                    metric("memory_mb", "Megabytes"),
                ],
            }],
        },
        "level": if note.outcome == "fault" { "ERROR" } else { "INFO" },
        "message": "invocation ended",
        "function": function,
        "request_id": invocation.request_id,
        "outcome": note.outcome,
        "duration_ms": round(duration_ms),
        "cold_starts": u8::from(invocation.cold),
        "faults": u8::from(note.outcome == "fault"),
    });
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

    #[test]
    fn every_metric_that_is_named_has_its_value_and_its_dimension() {
        let invocation = Invocation {
            request_id: "r1".to_owned(),
            cold: true,
            began: Instant::now(),
            time: None,
            trace: None,
        };
        let note = Note { outcome: "succeeded", operation_id: Some(Uuid::nil()), ..Note::default() };
        let line = line("git-status", &invocation, &note, Timestamp::UNIX_EPOCH, Some(9.5));
        let told = &line["_aws"]["CloudWatchMetrics"][0];
        for metric in told["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            assert!(line[name].is_number(), "{name} in {line:#}");
        }
        let dimension = told["Dimensions"][0][0].as_str().unwrap();
        assert_eq!(line[dimension], "git-status");
        assert_eq!(
            (line["operation_id"].as_str(), line["request_id"].as_str()),
            (Some("00000000-0000-0000-0000-000000000000"), Some("r1"))
        );
        assert!(!line.to_string().contains('\n'));
    }

    #[test]
    fn the_system_tells_how_much_memory_was_taken() {
        assert!(peak_memory_mb().is_some_and(|mb| mb > 0.5));
    }
}
