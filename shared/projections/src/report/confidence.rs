//! How sure a figure is: intervals that hold the true value 95 times of 100.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::replay::durations::Durations;
use crate::simulation::chance::Chance;

/// 95 of 100 lie within so many deviations.
const Z: f64 = 1.96;
/// Times that the days are drawn again.
const DRAWS: usize = 2000;

/// Between what the true value lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Hardly less.
    pub low: f64,
    /// Hardly more.
    pub high: f64,
    /// How that was found.
    pub method: String,
}

/// Of a share: Wilson's interval, which is right for few and for rare ones too.
#[allow(clippy::cast_precision_loss)] // counts
pub fn of_share(part: u64, whole: u64) -> Option<Interval> {
    if whole == 0 {
        return None;
    }
    let (share, count) = (part as f64 / whole as f64, whole as f64);
    let spread = Z * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
    let middle = share + Z * Z / (2.0 * count);
    let scale = 1.0 + Z * Z / count;
    let (low, high) = (((middle - spread) / scale).max(0.0), ((middle + spread) / scale).min(1.0));
    Some(Interval { low, high, method: "Wilson, 95 %".to_owned() })
}

/// Of the 95th percentile, in seconds: two ranks between which it lies whatever the distribution.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn of_p95(durations: &Durations) -> Option<Interval> {
    let count = durations.count();
    if count == 0 {
        return None;
    }
    let (middle, spread) = (count as f64 * 0.95, Z * (count as f64 * 0.95 * 0.05).sqrt());
    let low = (middle - spread).floor().max(1.0) as u128;
    let high = ((middle + spread).ceil() as u128).min(u128::from(count));
    let seconds = |rank| durations.ranked(rank).map(|micros| micros as f64 / 1e6);
    Some(Interval { low: seconds(low)?, high: seconds(high)?, method: "order statistics, 95 %".to_owned() })
}

/// Of the mean of days, times something: the days drawn again and again (bootstrap), always with the same seed.
/// `None` for fewer than three days: they tell nothing about other days.
#[allow(clippy::cast_precision_loss)] // counts
pub fn of_days(days: &[f64], times: f64) -> Option<Interval> {
    if days.len() < 3 {
        return None;
    }
    let mut chance = Chance::new(1);
    let mut draw = || {
        let pick = |_| {
            let place = usize::try_from(chance.below(days.len() as u64)).unwrap_or(0);
            days.get(place).copied().unwrap_or(0.0)
        };
        (0..days.len()).map(pick).sum::<f64>() / days.len() as f64 * times
    };
    let mut means: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
    means.sort_by(f64::total_cmp);
    let at = |percent: usize| means.get(DRAWS * percent / 1000).copied().unwrap_or(0.0);
    Some(Interval { low: at(25), high: at(975), method: "bootstrap over days, 95 %".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilsons_interval_is_the_published_one() {
        let found = of_share(10, 100).unwrap();
        assert!((found.low - 0.0552).abs() < 0.001 && (found.high - 0.1744).abs() < 0.001, "{found:?}");
        let none = of_share(0, 20).unwrap();
        assert!(none.low < 1e-12 && (none.high - 0.161).abs() < 0.001, "{none:?}");
        assert_eq!(of_share(0, 0), None);
    }

    #[test]
    fn a_percentile_lies_between_its_ranks_and_more_values_bring_them_closer() {
        let width = |count: u64| {
            let mut durations = Durations::default();
            (1..=count).for_each(|number| durations.record(number * 1_000_000 / count));
            let found = of_p95(&durations).unwrap();
            assert!(found.low <= 0.955 && found.high >= 0.945, "{found:?}");
            found.high - found.low
        };
        assert!(width(100) > 2.0 * width(10_000));
    }

    #[test]
    fn days_that_are_alike_are_sure_and_two_days_tell_nothing() {
        assert_eq!(of_days(&[1.0, 2.0], 30.0), None);
        let alike = of_days(&[2.0; 10], 30.0).unwrap();
        assert!((alike.low - 60.0).abs() < 1e-9 && (alike.high - 60.0).abs() < 1e-9);
        let apart = of_days(&[0.0, 4.0, 0.0, 4.0, 2.0, 2.0], 30.0).unwrap();
        assert!(apart.low < 50.0 && apart.high > 70.0);
    }
}
