//! Money, in whole billionths of a dollar: added up exactly, shown rounded.

use std::fmt;
use std::ops::{Add, AddAssign};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An amount in billionths of a dollar; a plain number on the wire.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct NanoDollars(u64);

impl NanoDollars {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From billionths of a dollar.
    pub const fn new(nano_dollars: u64) -> Self {
        Self(nano_dollars)
    }

    /// Reads dollars as people write them, `12.50`, with at most nine decimals.
    pub fn parse(dollars: &str) -> Option<Self> {
        super::price::decimal(dollars, 9).map(Self)
    }

    /// Billionths of a dollar.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Dollars, for display and for gauges; never to be added up.
    #[allow(clippy::cast_precision_loss)] // exact up to nine million dollars
    pub fn as_dollars_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The difference, or nothing when the other is greater.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for NanoDollars {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for NanoDollars {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for NanoDollars {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

/// Dollars with six decimals, `$0.108900`, or as many as the formatter asks for.
impl fmt::Display for NanoDollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${:.*}", f.precision().unwrap_or(6), self.as_dollars_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::NanoDollars;

    #[test]
    fn an_amount_is_shown_in_dollars_and_written_in_billionths() {
        let hour = NanoDollars::new(108_900_000);
        assert_eq!((hour.to_string(), format!("{hour:.2}")), ("$0.108900".to_owned(), "$0.11".to_owned()));
        assert_eq!(serde_json::to_string(&hour).unwrap(), "108900000");
        assert_eq!(NanoDollars::parse("0.1089"), Some(hour));
        assert_eq!(NanoDollars::parse("75"), Some(NanoDollars::new(75_000_000_000)));
        for wrong in ["", ".5", "-1", "1.0000000001", "1e3", "1.5.", "$1", "99999999999"] {
            assert_eq!(NanoDollars::parse(wrong), None, "{wrong}");
        }
    }
}
