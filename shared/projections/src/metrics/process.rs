//! Metrics of one process: what its door has seen since it started, and whether its upkeep runs. They are no fold of the ledger, begin at zero with
//! each start, and are only ever shown at `/metrics`, never published as the ledger's numbers are.

use super::definitions::{Kind, Label, Metric, Values};

/// The routes that requests are counted by, as the gateway's table has them, and what is none of them.
pub const ROUTES: &[&str] = &[
    "/",
    "/git/{operation}",
    "/sandbox/{operation}",
    "/operations/{id}",
    "/events",
    "/sandboxes",
    "/sandboxes/{id}",
    "/cost",
    "/report",
    "/metrics",
    "/healthz",
    "/openapi.json",
    "/docs",
    "/dashboard",
    "/dashboard/assets/{name}",
    "/dashboard/series",
    "/dashboard/verdict",
    "/dashboard/cost",
    "/dashboard/sandboxes",
    "/dashboard/operations",
    "/dashboard/operations/{id}",
    "/dashboard/live",
    "/mcp",
    "other",
];
/// The kinds of answers.
pub const CLASSES: &[&str] = &["2xx", "3xx", "4xx", "5xx"];
/// The statuses of those who were not let in or not served, and what else begins with 4.
pub const REFUSALS: &[&str] = &["400", "401", "402", "403", "404", "409", "413", "429", "other"];

const NONE: &[Label] = &[];

/// See its help.
pub const HTTP_REQUESTS: Metric = Metric {
    name: "gitledger_http_requests_total",
    kind: Kind::Counter,
    help: "Requests that this gateway has answered since it started, by route and kind of answer. An operation that failed is a 2xx: it has its record.",
    labels: &[
        Label { name: "route", values: Values::Of(ROUTES) },
        Label { name: "status", values: Values::Of(CLASSES) },
    ],
    buckets: &[],
};
/// See its help.
pub const HTTP_REFUSALS: Metric = Metric {
    name: "gitledger_http_refusals_total",
    kind: Kind::Counter,
    help: "Requests that this gateway has refused since it started, by status: 401 is without a valid key, 402 over a budget, 403 more than the key may.",
    labels: &[Label { name: "status", values: Values::Of(REFUSALS) }],
    buckets: &[],
};
/// See its help.
pub const HTTP_IN_FLIGHT: Metric = Metric {
    name: "gitledger_http_requests_in_flight",
    kind: Kind::Gauge,
    help: "Requests that this gateway is answering now.",
    labels: NONE,
    buckets: &[],
};
/// See its help.
pub const HTTP_DURATION: Metric = Metric {
    name: "gitledger_http_request_duration_seconds",
    kind: Kind::Histogram,
    help: "From a request to the head of its answer. Who asks to wait is let wait; operations by themselves are in git_operation_duration_seconds.",
    labels: NONE,
    buckets: &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0],
};
/// See its help.
pub const REAPER_ROUND: Metric = Metric {
    name: "gitledger_reaper_round_timestamp_seconds",
    kind: Kind::Gauge,
    help: "When the reaper last finished a round in which it could see the sandboxes; until the first, when it started. It looks every ten seconds.",
    labels: NONE,
    buckets: &[],
};

/// All of them.
pub const PROCESS: &[Metric] = &[HTTP_REQUESTS, HTTP_REFUSALS, HTTP_IN_FLIGHT, HTTP_DURATION, REAPER_ROUND];
