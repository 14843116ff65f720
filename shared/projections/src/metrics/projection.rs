//! The fold behind the metrics, and the numbers at an instant.

use std::collections::BTreeMap;

use gitledger_events::operation::Timing;
use gitledger_events::sandbox::SandboxLeased;
use gitledger_events::{Elapsed, Event, Fact};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::board::Board;
use super::buckets::Buckets;
use super::definitions::{self as define, Vocabulary};
use super::snapshot::MetricsSnapshot;
use crate::Projection;
use crate::bounded::{self, OTHER};
use crate::cost::CostFold;
use crate::cost::budget::{Scope, Spending};
use crate::cost::claim::days;
use crate::cost::prices::day_of;
use crate::cost::{
    Estimate, Exact, Meter, NanoDollars, Prices, ResourceTime, SandboxUsage, Standing, Usage, Windows,
};
use crate::counting::{ABANDONED, UNKNOWN_GIT_ERROR, latency, starts};

/// In the order of their names in [`define::SCOPES`].
const SCOPES: [Scope; 4] = [Scope::All, Scope::Agent, Scope::Task, Scope::Repo];
/// In the order of their names in [`define::SPENDING`].
const SPENDING: [Spending; 3] = [Spending::Within, Spending::Warned, Spending::Spent];

/// The state of the metrics: totals, live sandboxes, and the last two months' usage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    operations: BTreeMap<String, Tally>,
    /// By retry number; 0 stands for those beyond the tenth.
    push_retries: BTreeMap<u32, u64>,
    creation: Buckets,
    cache_hits: u64,
    cache_misses: u64,
    meter: Meter,
    /// The usage of ended stretches.
    ended: ResourceTime,
    windows: Windows,
    newest: Option<Timestamp>,
    shown: Shown,
}

/// The greatest of what was ever shown of numbers that depend on the time: a sandbox whose end is recorded with an
/// instant before the last snapshot's "now" must not make a counter fall.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Sandboxes' time.
    usage: ResourceTime,
    /// By price list. Only of the same prices: other ones may make the past cheaper.
    cost: BTreeMap<String, NanoDollars>,
    /// The prices' digest.
    priced_by: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    started: u64,
    succeeded: u64,
    failed: u64,
    retried: u64,
    conflicts: u64,
    durations: Buckets,
    error_types: BTreeMap<String, u64>,
    codes: BTreeMap<String, u64>,
}

/// What a snapshot needs to know beside the events.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The instant.
    pub now: Timestamp,
    /// The last event folded in.
    pub position: u64,
    /// The newest event of the ledger; at most `position` when nothing is waiting.
    pub head: u64,
    /// Publications that have failed so far.
    pub push_failures: u64,
    /// The words for labels.
    pub vocabulary: Vocabulary<'a>,
    /// What things cost.
    pub prices: &'a Prices,
    /// How the budgets stand.
    pub budgets: &'a [Standing],
    /// Events that could not be folded.
    pub parked: usize,
    /// How the feed to a message bus stands.
    pub feed: FeedStanding,
    /// For `git_operations_info`.
    pub about: About<'a>,
}

/// How the feed to a message bus stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedStanding {
    /// Everything up to here was taken; 0 where there never was a feed.
    pub position: u64,
    /// When the first event happened that still waits; `None`: none does, or nobody feeds.
    pub waits_since: Option<Timestamp>,
    /// Rounds that failed.
    pub failures: u64,
}

/// The labels of `git_operations_info`.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The program's version.
    pub version: &'a str,
    /// How it works, in a word.
    pub approach: &'a str,
    /// Who provides the sandboxes.
    pub sandbox_provider: &'a str,
}

impl Projection for Metrics {
    const NAME: &'static str = "metrics";
    const VERSION: u32 = 3;

    fn apply(&mut self, event: &Event) {
        self.newest = self.newest.max(Some(event.event.recorded_at));
        if let Some(ended) = self.meter.apply(event) {
            self.ended += ended.usage();
            self.windows.add(&ended);
        }
        self.windows.add_at(event.event.recorded_at.as_microsecond(), &Usage::of_event(event));
        match &event.event.fact {
            Fact::SandboxCreated(created) => {
                self.creation.observe(created.creation_ms, define::SANDBOX_CREATION.buckets);
            }
            Fact::SandboxLeased(leased) => self.leased(leased),
            _ if event.stream.operation_id().is_some() => self.apply_to_operation(event),
            _ => {}
        }
    }
}

impl Metrics {
    /// The numbers at an instant. Changes the state only by remembering what was shown, so save the
    /// state after publishing and a counter never falls, not even across programs.
    pub fn snapshot(&mut self, seen: &Observation<'_>) -> MetricsSnapshot {
        self.shown.usage = self.used(seen.now);
        self.show_cost(seen.prices, seen.now);
        let mut board = Board::zeroed(seen.vocabulary);
        self.put_operations(&mut board);
        self.put_sandboxes(&mut board, seen);
        self.put_cost(&mut board, seen);
        self.put_projector(&mut board, seen);
        put_budgets(&mut board, seen.budgets);
        put_feed(&mut board, seen.feed, seen.now);
        board.finish(seen.position, Self::VERSION, seen.now)
    }

    /// How long sandboxes have run in all up to `now`, those that still run included.
    pub fn used(&self, now: Timestamp) -> ResourceTime {
        let open: ResourceTime = self.meter.open(now).map(|metered| metered.usage()).sum();
        self.shown.usage.max(self.ended + open)
    }

    /// What everything up to `now` costs by one price list.
    pub fn spent(&self, prices: &Prices, list: &str, now: Timestamp) -> Exact {
        let ended = self.windows.since_day(i64::MIN).map(|(day, usage)| prices.exact_by(list, day, &usage));
        let open = self.meter.open(now).flat_map(|metered| {
            days(metered.span, CostFold::EVER)
                .map(move |(day, micros)| prices.exact_by(list, day, &metered.usage_of(micros).into()))
        });
        ended.chain(open).sum()
    }

    /// What it costs an hour, a day and a month.
    pub fn estimate(&self, prices: &Prices, now: Timestamp) -> Estimate {
        Estimate::new(&self.windows, &self.meter, prices, now)
    }

    /// What was shown so far, for whoever must know it after this state is lost.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// Never shows less than this from now on.
    pub fn raise(&mut self, shown: &Shown) {
        self.shown.usage = self.shown.usage.max(shown.usage);
        if self.shown.priced_by == shown.priced_by {
            for (list, cost) in &shown.cost {
                let known = self.shown.cost.entry(list.clone()).or_default();
                *known = (*known).max(*cost);
            }
        } else if self.shown.priced_by.is_empty() {
            self.shown.cost.clone_from(&shown.cost);
            self.shown.priced_by.clone_from(&shown.priced_by);
        }
    }

    fn show_cost(&mut self, prices: &Prices, now: Timestamp) {
        let digest = prices.digest();
        if self.shown.priced_by != digest {
            self.shown.cost.clear();
            self.shown.priced_by = digest;
        }
        for list in prices.lists() {
            let spent = self.spent(prices, list, now).rounded();
            let known = self.shown.cost.entry(list.to_owned()).or_default();
            *known = (*known).max(spent);
        }
    }

    /// Leases served by a sandbox that was there, and those for which one had to be made.
    pub fn cache(&self) -> (u64, u64) {
        (self.cache_hits, self.cache_misses)
    }

    fn leased(&mut self, leased: &SandboxLeased) {
        match leased.reuse.hit() {
            Some(true) => self.cache_hits += 1,
            Some(false) => self.cache_misses += 1,
            None => {}
        }
    }

    fn apply_to_operation(&mut self, event: &Event) {
        let name = event.event.operation.as_deref().unwrap_or(OTHER);
        let tally = bounded::entry(&mut self.operations, name);
        tally.started += u64::from(starts(event));
        match &event.event.fact {
            Fact::OperationSucceeded(data) => {
                tally.succeeded += 1;
                tally.took(latency(true, &data.timing));
            }
            Fact::OperationFailed(data) => tally.failed(&data.code, &data.error_type, Some(&data.timing)),
            Fact::OperationAbandoned(_) => tally.failed(ABANDONED, OTHER, None),
            Fact::ConflictDetected(_) => tally.conflicts += 1,
            Fact::PushAttempted(pushed) if pushed.attempt > 1 => {
                tally.retried += 1;
                let retry = pushed.attempt - 1;
                *self.push_retries.entry(if retry > 10 { 0 } else { retry }).or_default() += 1;
            }
            _ => {}
        }
    }

    fn put_operations(&self, board: &mut Board) {
        for (name, tally) in &self.operations {
            let states = [tally.started, tally.succeeded, tally.failed, tally.retried];
            for (status, number) in define::STATUSES.iter().zip(states) {
                board.count(&define::OPERATIONS, &[name, status], number);
            }
            board.add(&define::OPERATION_DURATION, &[name], &tally.durations);
            board.count(&define::CONFLICTS, &[name], tally.conflicts);
            for (error_type, number) in &tally.error_types {
                board.count(&define::ERRORS, &[name, error_type], *number);
            }
            for (code, number) in &tally.codes {
                board.count(&define::FAILURES, &[code], *number);
            }
        }
        for (retry, number) in &self.push_retries {
            // Retry 0 is not in the label's set, so it lands under `other`.
            board.count(&define::PUSH_RETRIES, &[&retry.to_string()], *number);
        }
    }

    fn put_sandboxes(&self, board: &mut Board, seen: &Observation<'_>) {
        #[allow(clippy::cast_precision_loss)] // as Prometheus has it
        let running = self.meter.running(seen.now) as f64;
        board.set(&define::ACTIVE_SANDBOXES, &[], running);
        board.set(&define::SANDBOXES_ACTIVE, &[], running);
        board.count(&define::CACHE_HITS, &[], self.cache_hits);
        board.count(&define::CACHE_MISSES, &[], self.cache_misses);
        board.add(&define::SANDBOX_CREATION, &[], &self.creation);
        let micros = u64::try_from(self.shown.usage.running_micros).unwrap_or(u64::MAX);
        board.count(&define::SANDBOX_SECONDS, &[], micros / 1_000_000);
    }

    fn put_cost(&self, board: &mut Board, seen: &Observation<'_>) {
        for (list, spent) in &self.shown.cost {
            board.count_fraction(&define::SANDBOX_COST, &[list], spent.as_dollars_f64());
        }
        let estimate = self.estimate(seen.prices, seen.now);
        let periods = [estimate.hourly, estimate.daily, estimate.monthly];
        for (period, amount) in define::PERIODS.iter().zip(periods) {
            board.set(&define::ESTIMATED_COST, &[period], amount.as_dollars_f64());
        }
        let hour = ResourceTime::from(SandboxUsage::DEFAULT_HOUR).into();
        let per_hour = seen.prices.exact(day_of(seen.now.as_microsecond()), &hour);
        let per_hour = per_hour.rounded().as_dollars_f64().to_string();
        let about = seen.about;
        let labels = [about.version, about.approach, about.sandbox_provider, &per_hour];
        board.set(&define::OPERATIONS_INFO, &labels, 1.0);
    }

    fn put_projector(&self, board: &mut Board, seen: &Observation<'_>) {
        let newest = self.newest.filter(|_| seen.position < seen.head);
        let lag = newest.map_or(0, |at| seen.now.as_microsecond().saturating_sub(at.as_microsecond()).max(0));
        #[allow(clippy::cast_precision_loss)] // as Prometheus has it
        let (position, lag_seconds) = (seen.position as f64, lag as f64 / 1e6);
        board.set(&define::PROJECTOR_POSITION, &[], position);
        board.set(&define::PROJECTOR_LAG, &[], lag_seconds);
        board.count(&define::PUSH_FAILURES, &[], seen.push_failures);
        #[allow(clippy::cast_precision_loss)] // as Prometheus has it
        let parked = seen.parked as f64;
        board.set(&define::PARKED_EVENTS, &[], parked);
        let unknown = self.operations.values().filter_map(|tally| tally.codes.get(UNKNOWN_GIT_ERROR)).sum();
        board.count(&define::UNKNOWN_ERRORS, &[], unknown);
    }
}

fn put_feed(board: &mut Board<'_>, feed: FeedStanding, now: Timestamp) {
    let lag =
        feed.waits_since.map_or(0, |at| now.as_microsecond().saturating_sub(at.as_microsecond()).max(0));
    #[allow(clippy::cast_precision_loss)] // as Prometheus has it
    let (position, lag_seconds) = (feed.position as f64, lag as f64 / 1e6);
    board.set(&define::FEED_POSITION, &[], position);
    board.set(&define::FEED_LAG, &[], lag_seconds);
    board.count(&define::FEED_FAILURES, &[], feed.failures);
}

/// How far the budgets are spent; whose they are is no label.
fn put_budgets(board: &mut Board<'_>, standings: &[Standing]) {
    for (scope, scope_name) in SCOPES.iter().zip(define::SCOPES) {
        let of_scope = || standings.iter().filter(|standing| standing.scope == *scope);
        for (spending, state_name) in SPENDING.iter().zip(define::SPENDING) {
            let count = of_scope().filter(|standing| standing.state == *spending).count();
            #[allow(clippy::cast_precision_loss)] // as Prometheus has it
            board.set(&define::BUDGETS, &[scope_name, state_name], count as f64);
        }
        board.set(&define::BUDGET_USED, &[scope_name], of_scope().map(Standing::used).fold(0.0, f64::max));
    }
}

impl Tally {
    fn failed(&mut self, code: &str, error_type: &str, timing: Option<&Timing>) {
        self.failed += 1;
        let known = define::ERROR_TYPES.contains(&error_type);
        *self.error_types.entry(if known { error_type } else { OTHER }.to_owned()).or_default() += 1;
        *bounded::entry(&mut self.codes, code) += 1;
        self.took(timing.and_then(|timing| latency(false, timing)));
    }

    fn took(&mut self, latency: Option<Elapsed>) {
        if let Some(latency) = latency {
            self.durations.observe(latency, define::OPERATION_DURATION.buckets);
        }
    }
}
