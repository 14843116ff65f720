//! The verdict: is it time to move off hosted sandboxes? Five criteria, each a value against a threshold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the verdict is made from. `None`: there was nothing to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// The duration that 95 of 100 operations do not exceed, in seconds.
    pub p95_s: Option<f64>,
    /// Failed of all that ended, 0 to 1.
    pub error_ratio: Option<f64>,
    /// What a month costs at this rate, in dollars.
    pub monthly_dollars: Option<f64>,
    /// Leases for which a sandbox had to be made, of all that could have found one, 0 to 1.
    pub miss_ratio: Option<f64>,
    /// The most sandboxes that ran at once.
    pub sandboxes_at_once: u64,
}

/// Each criterion with what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// True when a criterion at least is exceeded.
    pub time_to_move: bool,
    /// The criteria, always all and in the same order.
    pub criteria: Vec<Criterion>,
}

/// One of the five.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Criterion {
    /// Its name for programs.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// What value and threshold are measured in.
    pub unit: Unit,
    /// What was measured; `null` when there was nothing, or, of what a month costs, less than an hour.
    pub value: Option<f64>,
    /// More than this speaks for moving.
    pub threshold: f64,
    /// Whether it is more.
    pub exceeded: bool,
}

/// What a criterion is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A share, 0 to 1.
    Ratio,
    /// Dollars.
    Dollars,
    /// Things.
    Count,
}

impl Default for Verdict {
    /// On nothing measured.
    fn default() -> Self {
        Self::of(&Measured::default())
    }
}

impl Verdict {
    /// The verdict on what was measured.
    pub fn of(measured: &Measured) -> Self {
        #[allow(clippy::cast_precision_loss)] // a handful
        let at_once = measured.sandboxes_at_once as f64;
        let criteria = vec![
            criterion("p95", "P95 latency", Unit::Seconds, measured.p95_s, 5.0),
            criterion("errors", "Error rate", Unit::Ratio, measured.error_ratio, 0.10),
            criterion("monthly-cost", "Monthly cost", Unit::Dollars, measured.monthly_dollars, 75.0),
            criterion("cache-misses", "Cache misses", Unit::Ratio, measured.miss_ratio, 0.50),
            criterion("sandboxes", "Sandboxes at once", Unit::Count, Some(at_once), 10.0),
        ];
        Self { time_to_move: criteria.iter().any(|criterion| criterion.exceeded), criteria }
    }
}

fn criterion(id: &str, title: &str, unit: Unit, value: Option<f64>, threshold: f64) -> Criterion {
    let exceeded = value.is_some_and(|value| value > threshold);
    Criterion { id: id.to_owned(), title: title.to_owned(), unit, value, threshold, exceeded }
}

#[cfg(test)]
mod tests {
    use super::{Measured, Verdict};

    fn exceeded(measured: &Measured) -> Vec<String> {
        let verdict = Verdict::of(measured);
        assert_eq!(verdict.criteria.len(), 5);
        assert_eq!(verdict.time_to_move, verdict.criteria.iter().any(|one| one.exceeded));
        verdict.criteria.into_iter().filter(|one| one.exceeded).map(|one| one.id).collect()
    }

    #[test]
    fn what_is_at_its_threshold_is_not_over_it() {
        let at = Measured {
            p95_s: Some(5.0),
            error_ratio: Some(0.10),
            monthly_dollars: Some(75.0),
            miss_ratio: Some(0.5),
            sandboxes_at_once: 10,
        };
        assert_eq!(exceeded(&at), Vec::<String>::new());
        let over = Measured {
            p95_s: Some(5.001),
            error_ratio: Some(0.101),
            monthly_dollars: Some(75.01),
            miss_ratio: Some(0.51),
            sandboxes_at_once: 11,
        };
        assert_eq!(exceeded(&over), ["p95", "errors", "monthly-cost", "cache-misses", "sandboxes"]);
    }

    #[test]
    fn nothing_measured_speaks_for_nothing() {
        assert_eq!(exceeded(&Measured::default()), Vec::<String>::new());
    }
}
