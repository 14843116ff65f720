//! How people write how long something lasts: `90d`, `12h`, `5m`.

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// More is never, and the past begins in 1970.
const LONGEST: SignedDuration = SignedDuration::from_hours(50 * 365 * 24);

/// A time that can pass, of at most 50 years. A day has 24 hours.
pub(super) fn lasting(text: &str) -> Result<SignedDuration, String> {
    let rule = || "must be a number and a unit, such as 90d, 12h or 5m".to_owned();
    let span: Span = text.parse().map_err(|_| rule())?;
    let lasting = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| rule())?;
    if !lasting.is_positive() {
        return Err(rule());
    }
    if lasting > LONGEST { Err("is more than 50 years".into()) } else { Ok(lasting) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        assert_eq!(lasting("90d"), Ok(SignedDuration::from_hours(90 * 24)));
        assert_eq!(lasting("12h"), Ok(SignedDuration::from_hours(12)));
        assert_eq!(lasting("5m"), Ok(SignedDuration::from_mins(5)));
        assert_eq!(lasting("1h 30m"), Ok(SignedDuration::from_mins(90)));
        for bad in ["", "d", "90", "-1d", "0d", "1y", "99999999999999999d", "40000d", "9\u{e9}"] {
            assert!(lasting(bad).is_err(), "{bad}");
        }
    }
}
