//! What must hold for any list of events, tried on many.

use gitledger_events::operation::{
    ConflictDetected, OperationAbandoned, PushOutcome, SandboxRequested, SideEffect,
};
use gitledger_events::sandbox::{
    KillReason, Reuse, SandboxExpired, SandboxExtended, SandboxKilled, SandboxLost, SandboxPaused,
    SandboxResumed,
};
use gitledger_events::{Elapsed, Event, Fact};

use super::given::{Ledger, at, created, failed, id, leased, pushed, released, requested, succeeded};
use super::metrics::seen;
use crate::cost::estimate::spans;
use crate::cost::{Budget, Budgets, By, CostFold, CostReport, NanoDollars, Prices};
use crate::metrics::Metrics;
use crate::running::Span;
use crate::{OpenOperations, Projection, Sandboxes, Summary, fold};

/// A linear congruential generator: the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn second(&mut self, sides: i64) -> i64 {
        i64::try_from(self.roll(sides.unsigned_abs())).unwrap()
    }
}

fn sandbox_fact(dice: &mut Dice, now: i64) -> Fact {
    let later = now + dice.second(4000);
    let n = dice.roll(40);
    match dice.roll(10) {
        0 | 1 => created(later).into(),
        2 | 3 => leased(n, dice.roll(5), later, Reuse::Ready).into(),
        4 => released(n, dice.roll(5)).into(),
        5 => SandboxExtended { expires_at: at(later) }.into(),
        6 => SandboxPaused {}.into(),
        7 => SandboxResumed { resume_ms: Elapsed::ZERO, expires_at: at(later) }.into(),
        8 => SandboxKilled { reason: KillReason::Idle }.into(),
        _ if n.is_multiple_of(2) => SandboxExpired {}.into(),
        _ => SandboxLost { evidence: String::new() }.into(),
    }
}

fn operation_fact(dice: &mut Dice, now: i64) -> Fact {
    let n = dice.roll(400_000);
    match dice.roll(8) {
        0 | 1 => requested(now + dice.second(100)).into(),
        2 => SandboxRequested { request_id: id(dice.roll(50)), template: String::new(), timeout_s: n % 500 }
            .into(),
        3 => pushed(u32::try_from(n % 14).unwrap(), PushOutcome::Superseded).into(),
        4 => ConflictDetected { paths: Vec::new(), kinds: Vec::new() }.into(),
        5 => succeeded(n).into(),
        6 => failed("timeout", "timeout", n).into(),
        _ => OperationAbandoned { reason: String::new(), side_effect: SideEffect::Unknown }.into(),
    }
}

/// Events in any order that makes sense or none, their clocks off by up to ten minutes.
pub fn any_events(seed: u64, count: i64) -> Vec<Event> {
    events_with_skew(seed, count, 1200)
}

pub fn events_with_skew(seed: u64, count: i64, skew: i64) -> Vec<Event> {
    let mut dice = Dice(seed);
    let mut ledger = Ledger::default();
    for step in 0..count {
        let now = step * 97 + dice.second(skew) - skew / 2;
        if dice.roll(2) == 0 {
            let fact = sandbox_fact(&mut dice, now);
            ledger.sandbox(&format!("s{}", dice.roll(6)), now, fact);
        } else {
            let fact = operation_fact(&mut dice, now);
            let name = ["clone", "push", "unheard-of"][usize::try_from(dice.roll(3)).unwrap()];
            ledger.operation(dice.roll(40), now, name, fact);
        }
    }
    ledger.events
}

fn can_be_saved_halfway<P: Projection + PartialEq + std::fmt::Debug>(events: &[Event]) {
    let whole: P = fold(events);
    for at in [0, events.len() / 3, events.len() / 2, events.len()] {
        let (before, after) = events.split_at(at);
        let mut state = P::from_bytes(&fold::<P>(before).to_bytes().unwrap()).unwrap();
        for event in after {
            state.apply(event);
        }
        assert_eq!(state, whole, "{} saved after {at} events", P::NAME);
    }
}

#[test]
fn a_state_saved_halfway_ends_where_one_fold_ends() {
    for seed in 0..20 {
        let events = any_events(seed, 300);
        can_be_saved_halfway::<Sandboxes>(&events);
        can_be_saved_halfway::<OpenOperations>(&events);
        can_be_saved_halfway::<Metrics>(&events);
        can_be_saved_halfway::<Summary>(&events);
    }
}

#[test]
fn no_counter_and_no_bucket_ever_falls() {
    for seed in 0..6 {
        let mut metrics = Metrics::default();
        let mut last = metrics.snapshot(&seen(0));
        for (step, event) in any_events(seed, 300).iter().enumerate() {
            metrics.apply(event);
            let next = metrics.snapshot(&seen(i64::try_from(step).unwrap() * 97));
            assert_eq!(last.counters.len(), next.counters.len());
            for (old, new) in last.counters.iter().zip(&next.counters) {
                assert_eq!((&old.name, &old.labels), (&new.name, &new.labels));
                assert!(new.value.as_f64() >= old.value.as_f64(), "{old:?} then {new:?}, seed {seed}");
            }
            for (old, new) in last.histograms.iter().zip(&next.histograms) {
                assert!(old.value.counts.iter().zip(&new.value.counts).all(|(old, new)| old <= new));
            }
            last = next;
        }
    }
}

fn reports(events: &[Event], prices: &Prices, window: Span, now: i64) -> Vec<CostReport> {
    let mut fold = CostFold::new(prices, window, &By::ALL);
    for event in events {
        fold.apply(event);
    }
    fold.reports(at(now))
}

fn only(list: &str) -> Prices {
    Prices::standard().using(&[list.to_owned()]).unwrap()
}

/// Prices of every kind that change on every day of the events, most of them without an end in the decimals.
fn changing() -> Prices {
    let row = |day: i64| {
        format!(
            "[[price]]\nlist = \"x\"\nfrom = \"2026-03-{:02}\"\nvcpu_second = 0.00000{}7\ngib_second = 0.0000013\n\
             sandbox_hour = 0.0{}\nfunction_request = 0.000000333\nfunction_gib_second = 0.0000166667\n\
             function_memory_mb = 333\nledger_write = 0.000000625\n",
            day,
            day % 10,
            day * 7
        )
    };
    Prices::parse(&format!("use = [\"x\"]\n{}", (9..14).map(row).collect::<String>())).unwrap()
}

#[test]
fn the_parts_of_the_cost_add_up_to_the_whole_by_every_division_and_every_price() {
    for seed in 0..30 {
        let events = any_events(seed, 300);
        let all = [only("e2b-list"), only("original-flat"), only("aws-us-east-1"), changing()];
        for prices in &all {
            let reports = reports(&events, prices, CostFold::EVER, 40_000);
            assert!(reports[0].total > NanoDollars::ZERO);
            for report in reports {
                let sum: NanoDollars = report.lines.iter().map(|line| line.cost).sum();
                assert_eq!(sum, report.total, "by {:?}, seed {seed}", report.by);
            }
        }
    }
}

#[test]
fn windows_that_join_up_cost_what_the_whole_costs() {
    for seed in 0..10 {
        let events = any_events(seed, 300);
        let cuts = [i64::MIN, at(3_000).as_microsecond() + 7, at(11_111).as_microsecond(), i64::MAX];
        // A price without a remainder, so that each window's rounding is none.
        let prices = Prices::parse(
            "use = [\"x\"]\n[[price]]\nlist = \"x\"\nfrom = \"2026-01-01\"\nsandbox_hour = 3.6",
        )
        .unwrap();
        let total = |window| reports(&events, &prices, window, 40_000)[0].total;
        let parts: NanoDollars = cuts.windows(2).map(|pair| total(Span::new(pair[0], pair[1]))).sum();
        assert_eq!(parts, total(CostFold::EVER), "seed {seed}");
    }
}

#[test]
fn the_cost_and_the_metrics_agree_to_the_nano_dollar() {
    for seed in 0..20 {
        let events = any_events(seed, 300);
        for (prices, now) in [(only("e2b-list"), 33_333), (changing(), 29_000)] {
            let metrics: Metrics = fold(&events);
            let estimate = metrics.estimate(&prices, at(now));
            let [hour, day, month] = spans(at(now));
            let total = |window| reports(&events, &prices, window, now)[0].total;
            assert_eq!(estimate.hourly, total(hour), "seed {seed}");
            assert_eq!(estimate.daily, total(day), "seed {seed}");
            assert_eq!(estimate.monthly, crate::cost::estimate::monthly(total(month), total(day), at(now)));
            let list = prices.used()[0].as_str();
            assert_eq!(metrics.spent(&prices, list, at(now)).rounded(), total(CostFold::EVER), "seed {seed}");
        }
    }
}

#[test]
fn what_budgets_count_is_what_the_cost_is_also_when_saved_halfway() {
    for seed in 0..10 {
        let events = any_events(seed, 300);
        let budget = |agent: Option<&str>| Budget {
            agent: agent.map(str::to_owned),
            task: None,
            repo: None,
            dollars: NanoDollars::new(1),
            per: crate::cost::budget::Period::Month,
            warn_at_percent: 80,
            stop: false,
        };
        let fresh = || Budgets::new(vec![budget(None), budget(Some("*"))], changing());
        let mut whole = fresh();
        let mut halved = fresh();
        for (step, event) in events.iter().enumerate() {
            whole.apply(event);
            halved.apply(event);
            if step == 150 {
                let saved = halved.to_bytes().unwrap();
                halved = fresh();
                assert!(halved.take_up(&saved));
            }
        }
        assert_eq!(halved.to_bytes().unwrap(), whole.to_bytes().unwrap());
        let prices = changing();
        let month = spans(at(33_333))[2];
        let total = reports(&events, &prices, month, 33_333)[0].total;
        let standings = whole.standings(at(33_333));
        assert_eq!(standings[0].spent_nano_dollars, total, "seed {seed}");
    }
}
