//! The report's criteria: what a month costs is told by the time that was lived, not by calendar days.

use gitledger_events::Stream;

use super::given::{Ledger, at, created};
use super::replay::{account, briefs};
use crate::cost::windows::DAY_MICROS;
use crate::cost::{Prices, Usage};
use crate::replay::Names;
use crate::report::criteria::{CriterionReport, criteria};
use crate::report::phases::phases;
use crate::report::{Phases, Window};
use crate::running::Span;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A sandbox runs from an hour on, for 0.015 dollars an hour; it is asked at another, in seconds.
fn asked(from: i64, now: i64) -> (CriterionReport, Phases) {
    let mut ledger = Ledger::default();
    ledger.add(Stream::sandbox("s1").unwrap(), from, "clone", "a1", created(400 * DAY));
    let mut names = Names::default();
    let account = account(&briefs(&ledger.events, &mut names), &names).as_of(at(now).as_microsecond());
    let flat = Prices::standard().using(&["original-flat".to_owned()]).unwrap();
    let price = |day: i64, usage: &Usage| flat.exact(day, usage).rounded();
    let lived = Span::new(account.oldest, at(now).as_microsecond());
    let window = Window::last_days(account.days.all(), 28, lived);
    let found = criteria(&window, 1, &price).into_iter().find(|one| one.criterion.id == "monthly-cost");
    (found.unwrap(), phases(&window, &names, 1, &price))
}

/// The first midnight after the tests' beginning, in seconds from it.
fn midnight() -> i64 {
    (DAY_MICROS - at(0).as_microsecond().rem_euclid(DAY_MICROS)) / 1_000_000
}

#[test]
fn a_month_costs_what_the_time_lived_says_also_across_a_midnight() {
    for (from, now) in [(-HOUR, HOUR / 2), (-2 * HOUR, 0), (-HOUR, 9 * DAY + 5 * HOUR), (0, 3 * DAY)] {
        let (cost, phases) = asked(midnight() + from, midnight() + now);
        let value = cost.criterion.value.unwrap();
        assert!((value - 0.015 * 24.0 * 30.0).abs() < 1e-6, "from {from} to {now}: {value}");
        assert!((phases.baseline.dollars_a_day - 0.36).abs() < 1e-6);
    }
}

#[test]
fn the_query_divides_by_what_the_report_divides_by() {
    let (cost, phases) = asked(midnight() - HOUR, midnight() + HOUR / 2);
    assert!(cost.query.ends_with("| add / 1e9 / 0.0625 * 30'"), "{}", cost.query);
    assert!(phases.baseline.queries[1].contains("| add / 1e9 / 0.0625)"), "{}", phases.baseline.queries[1]);
}

#[test]
fn less_than_an_hour_says_nothing_about_a_month() {
    let (cost, _) = asked(midnight() - HOUR / 2, midnight() + HOUR / 4);
    assert_eq!((cost.criterion.value, cost.criterion.exceeded), (None, false));
    assert!(cost.query.ends_with("| null'"), "{}", cost.query);
}

#[test]
fn only_days_that_were_lived_whole_tell_how_sure_it_is() {
    let (cost, _) = asked(midnight() - HOUR, midnight() + 4 * DAY + HOUR);
    let interval = cost.interval.unwrap();
    assert!((interval.low - 10.8).abs() < 1e-6 && (interval.high - 10.8).abs() < 1e-6, "{interval:?}");
    assert_eq!(asked(midnight() - HOUR, midnight() + 2 * DAY + HOUR).0.interval, None, "two whole days");
}
