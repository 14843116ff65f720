//! What the gateway's door has seen: requests, refusals, how many at once, how long; and the reaper's last round. By `metrics` and its recorder for
//! Prometheus; of this process alone, so that it is at `/metrics` and nowhere else.

use std::sync::OnceLock;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use gitledger_projections::metrics::process::{
    CLASSES, HTTP_DURATION, HTTP_IN_FLIGHT, HTTP_REFUSALS, HTTP_REQUESTS, PROCESS, REAPER_ROUND, REFUSALS,
    ROUTES,
};
use gitledger_projections::metrics::{Kind, Metric};
use http::StatusCode;
use jiff::Timestamp;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// What a status or a route counts as that is not in its list.
const OTHER: &str = "other";

/// The process's one recorder, put in place by whoever comes first; every series is at zero then.
fn recorder() -> Option<&'static PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let recorder = RECORDER.get_or_init(|| {
        let duration = Matcher::Full(HTTP_DURATION.name.to_owned());
        let builder =
            PrometheusBuilder::new().set_buckets_for_metric(duration, HTTP_DURATION.buckets).ok()?;
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Another one, of a program that this is a part of, has them then.
        metrics::set_global_recorder(recorder).ok()?;
        PROCESS.iter().for_each(describe);
        for route in ROUTES {
            for class in CLASSES {
                requests(route, class, 0);
            }
        }
        for status in REFUSALS {
            counter!(HTTP_REFUSALS.name, "status" => *status).increment(0);
        }
        gauge!(HTTP_IN_FLIGHT.name).set(0);
        // Made by being asked for; there is no other way to make one without a sample.
        let _ = histogram!(HTTP_DURATION.name);
        Some(handle)
    });
    recorder.as_ref()
}

fn describe(metric: &Metric) {
    match metric.kind {
        Kind::Counter | Kind::FractionalCounter => describe_counter!(metric.name, metric.help),
        Kind::Gauge => describe_gauge!(metric.name, metric.help),
        Kind::Histogram => describe_histogram!(metric.name, metric.help),
    }
}

fn requests(route: &'static str, class: &'static str, number: u64) {
    counter!(HTTP_REQUESTS.name, "route" => route, "status" => class).increment(number);
}

/// Counts a request, whoever answers it. Outermost, so that it sees who is not let in.
pub(super) async fn measured(request: Request, next: Next) -> Response {
    let _ = recorder();
    let path = request.extensions().get::<MatchedPath>();
    let route = listed(ROUTES, path.map_or(OTHER, MatchedPath::as_str));
    let began = Instant::now();
    let _here = InFlight::begin();
    let response = next.run(request).await;
    histogram!(HTTP_DURATION.name).record(began.elapsed());
    requests(route, class(response.status()), 1);
    if response.status().is_client_error() {
        counter!(HTTP_REFUSALS.name, "status" => listed(REFUSALS, response.status().as_str())).increment(1);
    }
    response
}

/// Only what is in a list becomes a label.
fn listed(all: &'static [&'static str], found: &str) -> &'static str {
    all.iter().find(|one| **one == found).copied().unwrap_or(OTHER)
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        300..400 => CLASSES[1],
        400..500 => CLASSES[2],
        500.. => CLASSES[3],
        _ => CLASSES[0],
    }
}

/// One request under way, also when whoever asked goes away.
struct InFlight;

impl InFlight {
    fn begin() -> Self {
        gauge!(HTTP_IN_FLIGHT.name).increment(1);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!(HTTP_IN_FLIGHT.name).decrement(1);
    }
}

/// Everything so far as Prometheus' text, bounds as canonical floats like those of the ledger's numbers.
pub(crate) fn text() -> String {
    recorder().map(|recorder| canonical(&recorder.render())).unwrap_or_default()
}

/// The reaper has finished a round, or begins with its first.
pub(crate) fn reaped(at: Timestamp) {
    if recorder().is_some() {
        gauge!(REAPER_ROUND.name).set(at.as_duration().as_secs_f64());
    }
}

/// The recorder keeps every sample of a histogram until somebody looks; nobody may ever look.
pub(crate) fn tidy() {
    if let Some(recorder) = recorder() {
        recorder.run_upkeep();
    }
}

/// `le="1"` is `le="1.0"`, or histories of different Prometheus versions do not join.
fn canonical(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 64);
    for line in text.lines().filter(|line| !line.is_empty()) {
        let bound = line.split_once("le=\"").and_then(|(before, rest)| Some((before, rest.split_once('"')?)));
        match bound {
            Some((before, (bound, after))) if bound.bytes().all(|byte| byte.is_ascii_digit()) => {
                written.extend([before, "le=\"", bound, ".0\"", after]);
            }
            _ => written.push_str(line),
        }
        written.push('\n');
    }
    written
}

#[cfg(test)]
mod tests {
    use super::super::table::ROUTES as TABLE;
    use super::*;

    #[test]
    fn every_route_of_the_table_is_counted_by_its_name_and_none_besides() {
        let mut table: Vec<&str> = TABLE.iter().map(|route| route.path).collect();
        table.dedup();
        let mut counted: Vec<&str> = ROUTES.to_vec();
        counted.retain(|route| !["/mcp", OTHER].contains(route));
        for route in &table {
            assert!(counted.contains(route), "{route} is counted as {OTHER:?}");
        }
        for route in &counted {
            assert!(table.contains(route), "there is no route {route}");
        }
    }

    #[test]
    fn a_callers_words_never_become_a_label() {
        assert_eq!(listed(ROUTES, "/git/../etc"), OTHER);
        assert_eq!(listed(ROUTES, "/sandboxes/{id}"), "/sandboxes/{id}");
        assert_eq!(listed(REFUSALS, "418"), OTHER);
    }

    #[test]
    fn every_series_is_there_from_the_start_and_bounds_are_floats() {
        reaped(Timestamp::from_second(1_790_000_000).expect("an instant"));
        let text = text();
        for metric in PROCESS {
            assert!(text.contains(&format!("# HELP {} ", metric.name)), "{}: {text}", metric.name);
        }
        for line in [
            "gitledger_http_refusals_total{status=\"401\"} ",
            "gitledger_http_requests_total{route=\"/events\",status=\"5xx\"} ",
            "gitledger_http_requests_in_flight ",
            "gitledger_http_request_duration_seconds_bucket{le=\"1.0\"} ",
            "gitledger_reaper_round_timestamp_seconds 1790000000",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert_eq!(canonical("a_bucket{x=\"y\",le=\"10\"} 3\n"), "a_bucket{x=\"y\",le=\"10.0\"} 3\n");
        assert_eq!(canonical("a_bucket{le=\"+Inf\"} 3\n"), "a_bucket{le=\"+Inf\"} 3\n");
    }
}
