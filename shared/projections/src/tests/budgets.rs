//! Budgets: what counts against which, when it is warned and when it stops.

use gitledger_events::sandbox::{KillReason, Reuse, SandboxKilled};
use gitledger_events::{Repo, Stream};

use crate::cost::budget::{Period, Spending, fault};
use crate::cost::{Budget, Budgets, NanoDollars, Prices, Scope};
use crate::tests::given::{Ledger, at, created, leased, released, repo};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Budgets as the policies' file has them.
fn rules(text: &str) -> Vec<Budget> {
    #[derive(serde::Deserialize)]
    struct File {
        budget: Vec<Budget>,
    }
    toml::from_str::<File>(text).unwrap().budget
}

/// One hour of the sandbox is 0.015 dollars.
fn budgets(text: &str, ledger: &Ledger) -> Budgets {
    let flat = Prices::standard().using(&["original-flat".to_owned()]).unwrap();
    let mut budgets = Budgets::new(rules(text), flat);
    ledger.events.iter().for_each(|event| budgets.apply(event));
    budgets
}

/// a1 had a sandbox for two hours from noon on, a2 has one for the last of them.
fn two_agents() -> Ledger {
    let mut ledger = Ledger::default();
    for (number, agent, from) in [(1, "a1", 12), (2, "a2", 13)] {
        let stream = Stream::sandbox(&format!("s{number}")).unwrap();
        ledger.add(stream.clone(), from * HOUR, "clone", agent, created(40 * DAY));
        ledger.add(stream.clone(), from * HOUR, "clone", agent, leased(number, 1, 40 * DAY, Reuse::New));
        if agent == "a1" {
            ledger.add(stream.clone(), 14 * HOUR, "clone", agent, released(number, 1));
            let killed = SandboxKilled { reason: KillReason::Requested };
            ledger.add(stream, 14 * HOUR, "clone", agent, killed);
        }
    }
    ledger
}

#[test]
fn each_agent_has_its_own_and_everything_together_one() {
    let ledger = two_agents();
    let budgets = budgets(
        "[[budget]]\ndollars = 0.05\n[[budget]]\nagent = \"a*\"\ndollars = 0.03\nstop = true",
        &ledger,
    );
    let standings = budgets.standings(at(14 * HOUR));
    let told: Vec<_> = standings
        .iter()
        .map(|one| (one.budget, one.scope, one.name.as_str(), one.spent_nano_dollars.as_u64(), one.state))
        .collect();
    assert_eq!(
        told,
        [
            (1, Scope::All, "", 45_000_000, Spending::Warned),
            (2, Scope::Agent, "a1", 30_000_000, Spending::Spent),
            (2, Scope::Agent, "a2", 15_000_000, Spending::Within),
        ]
    );
    let stopped = |agent, hour| budgets.stopped(agent, "t1", None, at(hour * HOUR)).map(|one| one.budget);
    assert_eq!(stopped("a1", 14), Some(2));
    assert_eq!(stopped("a2", 14), None);
    assert_eq!(stopped("a2", 15), Some(2), "what runs counts before it has ended");
    assert_eq!(stopped("b1", 15), None);
    assert_eq!(
        (budgets.standings(at(15 * HOUR))[0].state, stopped("b1", 99)),
        (Spending::Spent, None),
        "only shown"
    );
}

#[test]
fn a_new_month_and_a_new_day_begin_with_nothing_spent() {
    let ledger = two_agents();
    let text = "[[budget]]\ndollars = 0.01\nstop = true\n[[budget]]\ntask = \"t1\"\nper = \"day\"\ndollars = \"0.30\"\nstop = true";
    let budgets = budgets(text, &ledger);
    let at_noon = |day: i64| {
        let standings = budgets.standings(at(day * DAY + 12 * HOUR));
        standings
            .iter()
            .map(|one| (one.budget, one.spent_nano_dollars.as_u64() / 15_000_000))
            .collect::<Vec<_>>()
    };
    // Hours of sandboxes: this month's, and of a1 and a2 today's. 1 April is day 22.
    assert_eq!(at_noon(0), [(1, 2), (2, 2)]);
    assert_eq!(at_noon(1), [(1, 2 + 23), (2, 12)]);
    assert_eq!(at_noon(22), [(1, 12), (2, 12)]);
    let april = at(22 * DAY + 60);
    assert_eq!(budgets.stopped("a2", "t1", Some(&repo()), april).map(|one| one.budget), None);
    let standing = budgets.stopped("x", "x", None, at(DAY)).unwrap();
    assert_eq!((standing.budget, standing.renewed_at), (1, at(22 * DAY)));
}

#[test]
fn a_repositorys_budget_is_for_whoever_works_on_it() {
    let ledger = two_agents();
    let budgets = budgets("[[budget]]\nrepo = \"github.com/acme/*\"\ndollars = 0.02\nstop = true", &ledger);
    let app = repo();
    let stopped = |repo| budgets.stopped("new", "t9", repo, at(14 * HOUR)).map(|one| one.name);
    assert_eq!(stopped(Some(&app)).as_deref(), Some("github.com/acme/app"));
    assert_eq!(stopped(None), None);
}

#[test]
fn a_repositorys_other_spelling_has_the_same_purse() {
    let ledger = two_agents();
    let budgets = budgets("[[budget]]\nrepo = \"GitHub.com/Acme/*\"\ndollars = 0.02\nstop = true", &ledger);
    let shouted = Repo::from_parts("github.com", "ACME/App");
    let stopped = budgets.stopped("new", "t9", Some(&shouted), at(14 * HOUR)).map(|one| one.name);
    assert_eq!(stopped.as_deref(), Some("github.com/acme/app"));
}

#[test]
fn what_a_clock_ahead_has_recorded_takes_nothing_from_the_period_that_is() {
    let text =
        "[[budget]]\ndollars = 0.04\nstop = true\n[[budget]]\nper = \"day\"\ndollars = 0.04\nstop = true";
    let hour_of = |ledger: &mut Ledger, number: i64, from: i64| {
        let stream = Stream::sandbox(&format!("s{number}")).unwrap();
        let operation = u64::try_from(number).unwrap();
        ledger.add(stream.clone(), from, "clone", "a1", created(4000 * DAY));
        ledger.add(stream.clone(), from, "clone", "a1", leased(operation, 1, 4000 * DAY, Reuse::New));
        ledger.add(stream.clone(), from + HOUR, "clone", "a1", released(operation, 1));
        let killed = SandboxKilled { reason: KillReason::Requested };
        ledger.add(stream, from + HOUR, "clone", "a1", killed);
    };
    let mut ledger = Ledger::default();
    hour_of(&mut ledger, 1, 10 * HOUR);
    // A year ahead, for some days.
    (0..5).for_each(|day| hour_of(&mut ledger, 2 + day, (365 + 30 * day) * DAY));
    let spent = |ledger: &Ledger, now: i64| {
        let standings = budgets(text, ledger).standings(at(now));
        standings.iter().map(|one| one.spent_nano_dollars.as_u64() / 15_000_000).collect::<Vec<_>>()
    };
    hour_of(&mut ledger, 7, 12 * HOUR);
    hour_of(&mut ledger, 8, 13 * HOUR);
    assert_eq!(spent(&ledger, 15 * HOUR), [2, 2], "spending is added and shown again");
    hour_of(&mut ledger, 9, 14 * HOUR);
    assert!(budgets(text, &ledger).stopped("a1", "t1", None, at(15 * HOUR)).is_some());
    hour_of(&mut ledger, 10, DAY);
    assert_eq!(spent(&ledger, DAY + 2 * HOUR), [4, 1], "the next day is a day of its own");
}

#[test]
fn one_event_of_a_clock_ahead_leaves_what_was_spent_before_it() {
    let mut ledger = two_agents();
    let stream = Stream::sandbox("s9").unwrap();
    ledger.add(stream.clone(), 40 * DAY, "clone", "a9", created(400 * DAY));
    ledger.add(stream.clone(), 40 * DAY, "clone", "a9", leased(9, 1, 400 * DAY, Reuse::New));
    ledger.add(stream, 41 * DAY, "clone", "a9", SandboxKilled { reason: KillReason::Requested });
    let budgets = budgets("[[budget]]\nagent = \"a*\"\ndollars = 0.03\nstop = true", &ledger);
    assert!(budgets.stopped("a1", "t1", None, at(15 * HOUR)).is_some());
}

#[test]
fn a_state_of_other_rules_or_prices_is_not_taken_up() {
    let ledger = two_agents();
    let one = "[[budget]]\ndollars = 5\n";
    let saved = budgets(one, &ledger).to_bytes().unwrap();
    let empty = Ledger::default();
    assert!(budgets(one, &empty).take_up(&saved));
    assert!(!budgets("[[budget]]\ndollars = 6\n", &empty).take_up(&saved));
    let mut other_prices = Budgets::new(rules(one), Prices::standard().clone());
    assert!(!other_prices.take_up(&saved));
    assert!(!other_prices.take_up(b"{"));
    assert!(other_prices.standings(at(14 * HOUR)).is_empty());
}

#[test]
fn a_budget_out_of_bounds_is_named() {
    let rule = |text: &str| fault(&rules(&format!("[[budget]]\n{text}")));
    assert_eq!(rule("dollars = 12.5\nwarn_at_percent = 50"), None);
    assert_eq!(rules("[[budget]]\ndollars = 12.5")[0].dollars, NanoDollars::new(12_500_000_000));
    assert_eq!(rules("[[budget]]\ndollars = 12.5")[0].per, Period::Month);
    for wrong in [
        "dollars = 0",
        "dollars = 1\nagent = \"\"",
        "dollars = 1\nagent = \"a\"\nrepo = \"b\"",
        "dollars = 1\nwarn_at_percent = 0",
        "dollars = 1\nwarn_at_percent = 101",
    ] {
        assert!(rule(wrong).is_some(), "{wrong}");
    }
}
