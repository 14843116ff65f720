//! What the sandboxes cost an hour, a day, a month.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::windows::DAY_MICROS;
use super::{Meter, NanoDollars, Price, ResourceTime, Windows};
use crate::running::Span;

/// Three different quantities, which must never be added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// The last 60 minutes.
    pub hourly: NanoDollars,
    /// The last 24 hours.
    pub daily: NanoDollars,
    /// The calendar month (UTC) so far, plus what is left of it at the rate of the last 24 hours.
    pub monthly: NanoDollars,
}

impl Estimate {
    /// From ended stretches and those still open at `now`.
    pub fn new(windows: &Windows, meter: &Meter, price: &Price, now: Timestamp) -> Self {
        let at = now.as_microsecond();
        let open = |span| meter.open(now).map(|metered| metered.usage_within(span)).sum::<ResourceTime>();
        let last = |micros| Span::new(at.saturating_sub(micros), at);
        let (hour, day) = (last(DAY_MICROS / 24), last(DAY_MICROS));
        let month = month_of(now);
        let so_far = Span::new(month.from, at);
        let daily = price.of(windows.minutes_within(day) + open(day));
        let spent = price.of(windows.days_within(so_far) + open(so_far));
        let left = Span::new(at, month.until).micros();
        let to_come = u128::from(daily.as_u64()) * u128::from(left) / u128::from(DAY_MICROS.unsigned_abs());
        let to_come = NanoDollars::new(u64::try_from(to_come).unwrap_or(u64::MAX));
        let hourly = price.of(windows.minutes_within(hour) + open(hour));
        Self { hourly, daily, monthly: spent + to_come }
    }
}

/// The calendar month of an instant, in UTC.
pub(crate) fn month_of(now: Timestamp) -> Span {
    let date = now.to_zoned(TimeZone::UTC).date();
    let today = now.as_microsecond().div_euclid(DAY_MICROS);
    let first = today.saturating_sub(i64::from(date.day()) - 1);
    let next = first.saturating_add(i64::from(date.days_in_month()));
    Span::new(first.saturating_mul(DAY_MICROS), next.saturating_mul(DAY_MICROS))
}
