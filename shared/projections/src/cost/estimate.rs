//! What it costs an hour, a day, a month, from the metrics' own windows.
//!
//! The windows begin at whole minutes, so that they are sums of whole buckets: what `gitledger cost` adds up from
//! the ledger for the same window is the same amount, to the nano-dollar.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::claim::days;
use super::windows::{DAY_MICROS, MINUTE_MICROS};
use super::{Exact, Meter, NanoDollars, Prices, Usage, Windows};
use crate::running::Span;

/// Three different quantities, which must never be added up; in billionths of a dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The last 60 whole minutes and the one that is going on.
    pub hourly: NanoDollars,
    /// The same for 24 hours.
    pub daily: NanoDollars,
    /// The calendar month (UTC) so far, plus what is left of it at the rate of `daily`.
    pub monthly: NanoDollars,
}

impl Estimate {
    /// From what has ended and what is still open at `now`.
    pub fn new(windows: &Windows, meter: &Meter, prices: &Prices, now: Timestamp) -> Self {
        let [hour, day, month] = spans(now);
        let open = |span| open(meter, prices, now, span);
        let ended = |parts: &mut dyn Iterator<Item = (i64, Usage)>| {
            parts.map(|(day, usage)| prices.exact(day, &usage)).sum::<Exact>()
        };
        let hourly = (ended(&mut windows.since_minute(hour.from)) + open(hour)).rounded();
        let daily = (ended(&mut windows.since_minute(day.from)) + open(day)).rounded();
        let spent = (ended(&mut windows.since_day(month.from)) + open(month)).rounded();
        Self { hourly, daily, monthly: monthly(spent, daily, now) }
    }
}

/// The windows of the last hour, the last day and this month at `now`. They have no end: what is recorded ends
/// before now, and what is running is counted up to now.
pub fn spans(now: Timestamp) -> [Span; 3] {
    let minute = now.as_microsecond().div_euclid(MINUTE_MICROS).saturating_mul(MINUTE_MICROS);
    let since = |from| Span::new(from, i64::MAX);
    [
        since(minute.saturating_sub(DAY_MICROS / 24)),
        since(minute.saturating_sub(DAY_MICROS)),
        since(month_of(now).from),
    ]
}

/// What was spent this month and what is to come at the rate of the last 24 hours.
pub fn monthly(spent: NanoDollars, daily: NanoDollars, now: Timestamp) -> NanoDollars {
    let at = now.as_microsecond();
    let left = Span::new(at, month_of(now).until).micros();
    let over = at.abs_diff(spans(now)[1].from);
    let to_come = u128::from(daily.as_u64()) * u128::from(left) / u128::from(over.max(1));
    spent + NanoDollars::new(u64::try_from(to_come).unwrap_or(u64::MAX))
}

/// What the stretches that are open at `now` cost within a span.
pub(crate) fn open(meter: &Meter, prices: &Prices, now: Timestamp, span: Span) -> Exact {
    let of = |metered: super::meter::Metered| {
        days(metered.span, span)
            .map(|(day, micros)| prices.exact(day, &metered.usage_of(micros).into()))
            .sum::<Exact>()
    };
    meter.open(now).map(of).sum()
}

/// The calendar month of an instant, in UTC.
pub(crate) fn month_of(now: Timestamp) -> Span {
    let date = now.to_zoned(TimeZone::UTC).date();
    let today = now.as_microsecond().div_euclid(DAY_MICROS);
    let first = today.saturating_sub(i64::from(date.day()) - 1);
    let next = first.saturating_add(i64::from(date.days_in_month()));
    Span::new(first.saturating_mul(DAY_MICROS), next.saturating_mul(DAY_MICROS))
}
