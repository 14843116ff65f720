//! Every metric, once: name, kind, help, labels with their bounded values, buckets.
//!
//! Agent, task, repository and sandbox are never labels: they are unbounded, and the ledger answers
//! those questions.

use crate::bounded::OTHER;

/// One family of series.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, in full: nothing is appended to it anywhere.
    pub name: &'static str,
    /// What its numbers mean.
    pub kind: Kind,
    /// One line for people.
    pub help: &'static str,
    /// Its labels, in order.
    pub labels: &'static [Label],
    /// For histograms: the upper bounds in seconds, without the last (infinite) one.
    pub buckets: &'static [f64],
}

/// What a metric's numbers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number that only rises.
    Counter,
    /// A number with decimals that only rises: hours, dollars.
    FractionalCounter,
    /// A number that rises and falls.
    Gauge,
    /// Counts of durations in buckets.
    Histogram,
}

/// A label of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// What it can be. Anything else is counted under the last of them.
    pub values: Values,
}

/// The values of a label.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// These.
    Of(&'static [&'static str]),
    /// [`Vocabulary::operations`] and `other`.
    Operations,
    /// [`Vocabulary::codes`] and `other`.
    Codes,
    /// [`Vocabulary::prices`].
    Prices,
    /// One value, set by the program itself; not made at zero.
    Free,
}

/// The words that only the caller knows. A word that is not in its list is counted under `other`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vocabulary<'a> {
    /// The names of all operations.
    pub operations: &'a [&'a str],
    /// The codes of all failures; empty: every failure is `other` in `git_failures_total`.
    pub codes: &'a [&'a str],
    /// The names of all price lists.
    pub prices: &'a [&'a str],
}

impl Values {
    /// All of them, the catch-all last; empty for a free label.
    pub fn all(self, vocabulary: Vocabulary<'_>) -> Vec<&str> {
        fn with_other<'w>(words: &[&'w str]) -> Vec<&'w str> {
            words.iter().copied().filter(|word| *word != OTHER).chain([OTHER]).collect()
        }
        match self {
            Self::Of(values) => values.to_vec(),
            Self::Operations => with_other(vocabulary.operations),
            Self::Codes => with_other(vocabulary.codes),
            Self::Prices => vocabulary.prices.to_vec(),
            Self::Free => Vec::new(),
        }
    }
}

const fn label(name: &'static str, values: Values) -> Label {
    Label { name, values }
}

/// The bounded set of error types.
pub const ERROR_TYPES: &[&str] = &["timeout", "auth", "conflict", "network", "sandbox_not_found", OTHER];
/// The states that an operation is counted in.
pub const STATUSES: &[&str] = &["started", "success", "failure", "retry"];
/// Retries told apart by number.
pub const ATTEMPTS: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", OTHER];
/// The periods of the cost estimate.
pub const PERIODS: &[&str] = &["hourly", "daily", "monthly"];

/// Whose a budget can be.
pub const SCOPES: &[&str] = &["all", "agent", "task", "repo"];
/// How far a budget can be spent.
pub const SPENDING: &[&str] = &["within", "warned", "spent"];

const OPERATION: Label = label("operation", Values::Operations);

const NONE: &[Label] = &[];

const fn metric(kind: Kind, name: &'static str, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind, help, labels, buckets: &[] }
}

const fn histogram(
    name: &'static str,
    labels: &'static [Label],
    buckets: &'static [f64],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Histogram, help, labels, buckets }
}

/// See its help.
pub const OPERATIONS: Metric = metric(
    Kind::Counter,
    "git_operation_total",
    &[OPERATION, label("status", Values::Of(STATUSES))],
    "Git operations by state: every one is started once and ends in success or failure; retry counts pushes tried again.",
);
/// See its help.
pub const OPERATION_DURATION: Metric = histogram(
    "git_operation_duration_seconds",
    &[OPERATION],
    &[0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0],
    "From the request of an operation to its outcome; failures before any work are not in it.",
);
/// See its help.
pub const ERRORS: Metric = metric(
    Kind::Counter,
    "git_errors_total",
    &[OPERATION, label("error_type", Values::Of(ERROR_TYPES))],
    "Failed git operations by coarse type.",
);
/// See its help.
pub const FAILURES: Metric = metric(
    Kind::Counter,
    "git_failures_total",
    &[label("code", Values::Codes)],
    "Failed git operations by stable code; operation and coarse type are in git_errors_total.",
);
/// See its help.
pub const PUSH_RETRIES: Metric = metric(
    Kind::Counter,
    "git_push_retry_count_total",
    &[label("attempt", Values::Of(ATTEMPTS))],
    "Pushes tried again, by the number of the retry: 1 is the first retry, so the second attempt.",
);
/// See its help.
pub const CONFLICTS: Metric = metric(
    Kind::Counter,
    "git_conflicts_detected_total",
    &[OPERATION],
    "Conflicts that git could not resolve.",
);
/// See its help.
pub const SANDBOX_CREATION: Metric = histogram(
    "sandbox_creation_seconds",
    NONE,
    &[0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0],
    "From asking E2B for a sandbox to having it; only creations that succeeded.",
);
/// See its help.
pub const ACTIVE_SANDBOXES: Metric =
    metric(Kind::Gauge, "active_sandboxes_total", NONE, "Deprecated name of sandboxes_active.");
/// See its help.
pub const SANDBOXES_ACTIVE: Metric =
    metric(Kind::Gauge, "sandboxes_active", NONE, "Sandboxes that run now; paused ones do not.");
/// See its help.
pub const CACHE_HITS: Metric = metric(
    Kind::Counter,
    "sandbox_cache_hits_total",
    NONE,
    "Leases served by a sandbox that was there: ready, paused or warm.",
);
/// See its help.
pub const CACHE_MISSES: Metric =
    metric(Kind::Counter, "sandbox_cache_misses_total", NONE, "Leases for which a sandbox had to be made.");
/// See its help.
pub const SANDBOX_SECONDS: Metric = metric(
    Kind::Counter,
    "sandbox_seconds_total",
    NONE,
    "Seconds that sandboxes have run, pauses excluded, whole seconds.",
);
/// See its help.
pub const SANDBOX_COST: Metric = metric(
    Kind::FractionalCounter,
    "sandbox_cost_dollars_total",
    &[label("price", Values::Prices)],
    "What everything so far costs by each price list: add up only lists of different things.",
);
/// See its help.
pub const ESTIMATED_COST: Metric = metric(
    Kind::Gauge,
    "estimated_cost_dollars",
    &[label("period", Values::Of(PERIODS))],
    "What it costs by the price lists in use: hourly is the last 60 minutes, daily the last 24 hours (both and the minute that is going on), monthly the month so far (UTC) plus the rest of it at the rate of the last 24 hours. Never add the series up.",
);
/// See its help.
pub const OPERATIONS_INFO: Metric = metric(
    Kind::Gauge,
    "git_operations_info",
    &[
        label("version", Values::Free),
        label("approach", Values::Free),
        label("sandbox_provider", Values::Free),
        label("cost_per_hour", Values::Free),
    ],
    "About this system; always 1. cost_per_hour is in dollars, for the default sandbox.",
);
/// See its help.
pub const PROJECTOR_POSITION: Metric = metric(
    Kind::Gauge,
    "git_projector_position",
    NONE,
    "Position of the last event that these numbers contain.",
);
/// See its help.
pub const PROJECTOR_LAG: Metric = metric(
    Kind::Gauge,
    "git_projector_event_lag_seconds",
    NONE,
    "Age of the last event contained, while there are newer ones; 0 when there are none.",
);
/// See its help.
pub const PUSH_FAILURES: Metric = metric(
    Kind::Counter,
    "git_projector_push_failures_total",
    NONE,
    "Publications of these numbers that failed.",
);

/// See its help.
pub const PROJECTOR_EPOCH: Metric = metric(
    Kind::Gauge,
    "git_projector_epoch",
    NONE,
    "The fence under which these numbers were published; it rises with each publication and never falls.",
);
/// See its help.
pub const PARKED_EVENTS: Metric = metric(
    Kind::Gauge,
    "git_projector_parked_events",
    NONE,
    "Events that could not be folded and are not in these numbers; see gitledger projection.",
);
/// See its help.
pub const UNKNOWN_ERRORS: Metric = metric(
    Kind::Counter,
    "git_unknown_errors_total",
    NONE,
    "Failures with something that git said and that is not in the table of codes.",
);
/// See its help.
pub const BUDGETS: Metric = metric(
    Kind::Gauge,
    "cost_budgets",
    &[label("scope", Values::Of(SCOPES)), label("state", Values::Of(SPENDING))],
    "Budgets of this period by how far they are spent: warned is above the warning, spent is all of it.",
);
/// See its help.
pub const BUDGET_USED: Metric = metric(
    Kind::Gauge,
    "cost_budget_used_ratio",
    &[label("scope", Values::Of(SCOPES))],
    "How much is spent of the budget that is spent furthest; 1 is all of it.",
);
/// See its help.
pub const FEED_POSITION: Metric = metric(
    Kind::Gauge,
    "git_feed_position",
    NONE,
    "Position of the last event that the message bus has taken; 0 where events are fed to none.",
);
/// See its help.
pub const FEED_LAG: Metric = metric(
    Kind::Gauge,
    "git_feed_event_lag_seconds",
    NONE,
    "Age of the oldest event that the message bus has not taken; 0 when it has all, or events are fed to none.",
);
/// See its help.
pub const FEED_FAILURES: Metric = metric(
    Kind::Counter,
    "git_feed_failures_total",
    NONE,
    "Times that the message bus did not take what was next; it is tried again.",
);

/// All of them, in the order of documentation.
pub const METRICS: &[Metric] = &[
    OPERATIONS,
    OPERATION_DURATION,
    ERRORS,
    FAILURES,
    PUSH_RETRIES,
    CONFLICTS,
    SANDBOX_CREATION,
    ACTIVE_SANDBOXES,
    SANDBOXES_ACTIVE,
    CACHE_HITS,
    CACHE_MISSES,
    SANDBOX_SECONDS,
    SANDBOX_COST,
    ESTIMATED_COST,
    OPERATIONS_INFO,
    PROJECTOR_POSITION,
    PROJECTOR_LAG,
    PUSH_FAILURES,
    PROJECTOR_EPOCH,
    PARKED_EVENTS,
    UNKNOWN_ERRORS,
    BUDGETS,
    BUDGET_USED,
    FEED_POSITION,
    FEED_LAG,
    FEED_FAILURES,
];
