//! What must hold for any simulation.

use crate::cost::{NanoDollars, Prices, ResourceTime, Usage};
use crate::sandbox_policy::{ReuseRule, SandboxPolicy};
use crate::simulation::chance::Chance;
use crate::simulation::sweep::{mark_frontier, point};
use crate::simulation::synthetic::Team;
use crate::simulation::{Latency, Outcome, Place, Setting, Workload, simulate};

/// Small teams in a hurry: every few seconds somebody wants something.
fn any_workload(seed: u64) -> Workload {
    let mut chance = Chance::new(seed);
    let team = Team {
        agents: 2 + u32::try_from(chance.below(20)).unwrap(),
        operations_a_day: 40,
        days: 1,
        repos: 1 + u32::try_from(chance.below(3)).unwrap(),
        hours: 1,
        think_s: 20.0,
        same_task_percent: chance.below(100),
    };
    let mut workload = team.workload(seed);
    for ask in &mut workload.asks {
        ask.fails = chance.below(20) == 0;
        if chance.below(40) == 0
            && let Place::In(opener) = ask.place
        {
            ask.place = Place::Ends(opener);
        }
    }
    workload
}

fn any_setting(seed: u64) -> Setting {
    let mut chance = Chance::new(seed.wrapping_mul(31));
    let rule =
        [ReuseRule::Never, ReuseRule::Task, ReuseRule::Repo][usize::try_from(chance.below(3)).unwrap()];
    let policy = SandboxPolicy {
        pool: u32::try_from(chance.below(5)).unwrap(),
        pause_after_s: [0, 30, 120][usize::try_from(chance.below(3)).unwrap()],
        ttl_s: [60, 600, 3600][usize::try_from(chance.below(3)).unwrap()],
        reuse: rule,
        share_after_s: 30,
        trust: vec![vec!["*".to_owned()]],
    };
    let limit = if chance.below(2) == 0 { 0 } else { 3 + u32::try_from(chance.below(10)).unwrap() };
    Setting { policy, limit, seed, ..Setting::default() }
}

#[test]
fn the_same_seed_gives_the_same_outcome_and_another_seed_another() {
    let mut others = 0;
    for seed in 0..10 {
        let (workload, setting) = (any_workload(seed), any_setting(seed));
        let outcome = simulate(&workload, &setting);
        assert_eq!(outcome, simulate(&workload, &setting));
        others += usize::from(outcome != simulate(&workload, &Setting { seed: 999, ..setting }));
    }
    assert!(others > 5, "{others}");
}

#[test]
fn every_operation_ends_once() {
    for seed in 0..40 {
        let (workload, setting) = (any_workload(seed), any_setting(seed));
        let outcome = simulate(&workload, &setting);
        let asked = workload.asks.len() as u64;
        assert_eq!(outcome.asked, asked, "seed {seed}");
        assert_eq!(outcome.succeeded + outcome.failures(), asked, "seed {seed}");
        let opens = workload.asks.iter().filter(|ask| matches!(ask.place, Place::Opens(_))).count() as u64;
        assert_eq!(outcome.hits() + outcome.new, opens, "seed {seed}");
        assert!(setting.limit == 0 || outcome.peak <= setting.limit, "seed {seed}");
        assert!(
            outcome.created <= outcome.new + outcome.warm + outcome.expired + u64::from(setting.policy.pool)
        );
    }
}

#[test]
fn no_sandbox_is_leased_twice_at_once() {
    for seed in 0..40 {
        let outcome = simulate(&any_workload(seed).scaled(3.0, seed), &any_setting(seed));
        assert_eq!(outcome.doubled, 0, "seed {seed}");
    }
}

#[test]
fn no_sandbox_runs_longer_than_the_workload_and_none_is_free() {
    for seed in 0..20 {
        let (workload, setting) = (any_workload(seed), any_setting(seed));
        let outcome = simulate(&workload, &setting);
        let most = u128::from(outcome.span) * u128::from(outcome.peak);
        assert!(outcome.usage.running_micros <= most, "seed {seed}");
        assert!(outcome.usage.running_micros > 0, "seed {seed}");
        assert_eq!(outcome.usage.vcpu_micros, outcome.usage.running_micros * u128::from(setting.vcpu));
    }
}

fn cost(list: &str, usage: ResourceTime) -> NanoDollars {
    Prices::standard().exact_by(list, 30_000, &Usage::from(usage)).rounded()
}

fn baseline(policy: SandboxPolicy) -> Outcome {
    let workload = Team::SEED_BASELINE.workload(1);
    assert_eq!((workload.asks.len(), workload.agents()), (6000, 10));
    simulate(&workload, &Setting { policy, ..Setting::default() })
}

#[test]
fn the_seed_baseline_costs_what_was_expected_at_the_flat_rate_and_seven_times_that_by_the_list() {
    let outcome = baseline(SandboxPolicy::default());
    let (flat, list) = (cost("original-flat", outcome.monthly()), cost("e2b-list", outcome.monthly()));
    assert!((1.2..1.8).contains(&flat.as_dollars_f64()), "{flat}");
    assert!((list.as_dollars_f64() / flat.as_dollars_f64() - 7.26).abs() < 0.01, "{list}");
    assert!(outcome.peak <= 10 && outcome.failures() == 0, "{outcome:?}");
}

#[test]
fn a_longer_life_finds_more_a_pool_waits_less_and_what_never_sleeps_costs_more() {
    let default = baseline(SandboxPolicy::default());
    let longer = baseline(SandboxPolicy { ttl_s: 28_800, ..SandboxPolicy::default() });
    assert!(longer.hit_ratio() > default.hit_ratio());
    let pooled = baseline(SandboxPolicy { pool: 2, ..SandboxPolicy::default() });
    assert!(pooled.waits.percentile(50) < default.waits.percentile(50));
    assert!(pooled.hit_ratio() > Some(0.9), "{:?}", pooled.hit_ratio());
    let awake = baseline(SandboxPolicy { pause_after_s: 0, ..SandboxPolicy::default() });
    assert!(awake.usage.running_micros > default.usage.running_micros * 2);
    assert_eq!((awake.slept, default.slept > 0), (0, true));
}

#[test]
fn another_platform_makes_another_wait() {
    let workload = Team::SEED_BASELINE.workload(1);
    let slow = Setting { creation: Some(Latency::Fixed(9_000_000)), ..Setting::default() };
    let outcome = simulate(&workload, &slow);
    assert!(outcome.waits.percentile(95).unwrap() > 8_900_000);
    let full = simulate(&workload, &Setting { limit: 1, ..Setting::default() });
    assert!(full.refused > 0 && full.peak == 1);
}

#[test]
fn ten_times_the_agents_ask_ten_times_as_much_and_half_of_them_half() {
    let workload = any_workload(3);
    let (count, agents) = (workload.asks.len(), workload.agents());
    let ten = workload.scaled(10.0, 1);
    assert_eq!((ten.asks.len(), ten.agents()), (count * 10, agents * 10));
    assert_eq!(workload.scaled(1.0, 1).asks.len(), count);
    assert!(workload.with_agents(1, 1).asks.len() < count);
    let outcome = simulate(&ten, &Setting::default());
    assert_eq!(outcome.asked, ten.asks.len() as u64);
    for (index, ask) in ten.asks.iter().enumerate() {
        assert!(
            ask.after
                .is_none_or(|before| (before as usize) < index || ten.asks[before as usize].at <= ask.at)
        );
    }
}

#[test]
fn nothing_on_the_frontier_is_beaten() {
    let workload = any_workload(5);
    let sweep: crate::simulation::Sweep = "ttl=5m..2h,pool=0..2,pause=30s|5m".parse().unwrap();
    let mut points: Vec<_> = sweep
        .settings(&Setting::default())
        .iter()
        .map(|setting| {
            let outcome = simulate(&workload, setting);
            point(setting, &outcome, cost("e2b-list", outcome.monthly()))
        })
        .collect();
    mark_frontier(&mut points);
    let best = points.iter().filter(|point| point.on_frontier);
    for best in best {
        assert!(!points.iter().any(|other| other.figures.durations.p95_us < best.figures.durations.p95_us
            && other.monthly < best.monthly
            && other.figures.failed <= best.figures.failed));
    }
    assert!(points.iter().any(|point| point.on_frontier) && points.iter().any(|point| !point.on_frontier));
    let picture = crate::simulation::picture::svg(&points, "a <b> & c");
    assert!(picture.contains("a &lt;b&gt; &amp; c") && picture.matches("<circle").count() == points.len());
    assert!(points.iter().all(|point| point.monthly > NanoDollars::ZERO));
}
