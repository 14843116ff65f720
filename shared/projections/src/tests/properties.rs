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
use crate::cost::{Cost, NanoDollars, Price};
use crate::metrics::Metrics;
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
fn any_events(seed: u64, count: i64) -> Vec<Event> {
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
        can_be_saved_halfway::<Cost>(&events);
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

#[test]
fn the_parts_of_the_cost_add_up_to_the_whole_by_every_price() {
    for seed in 0..20 {
        let cost: Cost = fold(&any_events(seed, 300));
        for price in Price::ALL {
            let report = cost.report(price, at(40_000));
            assert!(report.total > NanoDollars::ZERO);
            assert_eq!(report.agents.values().copied().sum::<NanoDollars>(), report.total);
            assert_eq!(report.operations.values().copied().sum::<NanoDollars>(), report.total);
        }
    }
}

#[test]
fn the_cost_and_the_metrics_agree_where_clocks_do_not_go_back() {
    for seed in 0..20 {
        let events = events_with_skew(seed, 300, 96);
        let total = fold::<Cost>(&events).report(&Price::E2B_LIST, at(40_000)).total;
        let numbers = fold::<Metrics>(&events).snapshot(&seen(40_000));
        let shown = numbers.counter("sandbox_cost_dollars_total", &[("price", "e2b-list")]).unwrap();
        assert!((total.as_dollars_f64() - shown).abs() < 1e-9, "{total} and {shown}, seed {seed}");
    }
}
