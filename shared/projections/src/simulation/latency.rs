//! How long something takes: fixed, between two bounds, around a median, or as it was recorded.

use std::sync::Arc;

use super::chance::Chance;

/// A distribution of durations, in microseconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Latency {
    /// Always the same.
    Fixed(u64),
    /// Any between these, alike.
    Between(u64, u64),
    /// Log-normal: half are at most the first, 95 of 100 at most the second.
    Around(u64, u64),
    /// One of these, alike.
    Recorded(Arc<[u64]>),
}

impl Latency {
    /// What was recorded; else something else.
    pub fn recorded_or(samples: &[u64], otherwise: Self) -> Self {
        if samples.is_empty() { otherwise } else { Self::Recorded(samples.into()) }
    }

    /// One duration.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn draw(&self, chance: &mut Chance) -> u64 {
        match self {
            Self::Fixed(micros) => *micros,
            Self::Between(least, most) => least + chance.below(most.saturating_sub(*least).saturating_add(1)),
            Self::Around(median, p95) => {
                let (median, p95) = (*median as f64, (*p95).max(*median) as f64);
                // 1.645 deviations above the median lie 95 of 100.
                let sigma = if median > 0.0 { (p95 / median).ln() / 1.645 } else { 0.0 };
                (median * (sigma * chance.normal()).exp()) as u64
            }
            Self::Recorded(samples) => {
                let place = usize::try_from(chance.below(samples.len() as u64)).unwrap_or(0);
                samples.get(place).copied().unwrap_or(0)
            }
        }
    }
}

/// `900ms`, `2s..8s`, or `p50=1s,p95=4s`.
impl std::str::FromStr for Latency {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((median, p95)) = text.split_once(',') {
            let (median, p95) = (named(median, "p50=")?, named(p95, "p95=")?);
            return if median <= p95 { Ok(Self::Around(median, p95)) } else { Err(upside_down()) };
        }
        let Some((least, most)) = text.split_once("..") else { return duration(text).map(Self::Fixed) };
        let (least, most) = (duration(least)?, duration(most)?);
        if least <= most { Ok(Self::Between(least, most)) } else { Err(upside_down()) }
    }
}

fn named(text: &str, name: &str) -> Result<u64, String> {
    let text = text.trim();
    duration(text.strip_prefix(name).ok_or_else(|| format!("'{text}' should begin with {name}"))?)
}

fn upside_down() -> String {
    "the range is upside down".to_owned()
}

/// `250ms`, `90s`, `5m`, `2h`, `1d`, in microseconds; without a unit, seconds.
pub fn duration(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 5] = [("ms", 1e3), ("s", 1e6), ("m", 6e7), ("h", 3.6e9), ("d", 8.64e10)];
    let text = text.trim();
    let unit = UNITS.iter().find_map(|(unit, micros)| Some((text.strip_suffix(unit)?, *micros)));
    let (number, micros) = unit.unwrap_or((text, 1e6));
    let number: f64 =
        number.trim().parse().map_err(|_| format!("'{text}' is no time; try 250ms, 2s or 5m"))?;
    let micros = number * micros;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked
    if (0.0..1e15).contains(&micros) {
        Ok(micros.round() as u64)
    } else {
        Err(format!("'{text}' is no time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_read_as_people_write_it() {
        assert_eq!("900ms".parse(), Ok(Latency::Fixed(900_000)));
        assert_eq!("2s..8s".parse(), Ok(Latency::Between(2_000_000, 8_000_000)));
        assert_eq!("p50=1s,p95=4s".parse(), Ok(Latency::Around(1_000_000, 4_000_000)));
        assert_eq!(duration("2h"), Ok(7_200_000_000));
        for wrong in ["", "fast", "8s..2s", "-1s", "1s,2s", "p50=4s,p95=1s", "NaN", "inf"] {
            assert!(wrong.parse::<Latency>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_drawn_has_the_percentiles_that_were_asked_for() {
        let latency = Latency::Around(1_000_000, 4_000_000);
        let mut chance = Chance::new(7);
        let mut drawn: Vec<u64> = (0..20_000).map(|_| latency.draw(&mut chance)).collect();
        drawn.sort_unstable();
        assert!(drawn[10_000].abs_diff(1_000_000) < 50_000, "{}", drawn[10_000]);
        assert!(drawn[19_000].abs_diff(4_000_000) < 300_000, "{}", drawn[19_000]);
        let between = Latency::Between(5, 7);
        assert!((0..100).all(|_| (5..=7).contains(&between.draw(&mut chance))));
    }
}
