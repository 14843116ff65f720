//! A duration as a fact: exact microseconds inside, milliseconds on the wire.

use std::ops::{Add, AddAssign};
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How long something took. Whole microseconds, so that sums are exact; a JSON number of
/// milliseconds with at most three decimals on the wire, so that people can read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Elapsed(u64);

impl Elapsed {
    /// Nothing at all.
    pub const ZERO: Self = Self(0);

    /// From whole microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// From whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Whole microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Milliseconds, with the microseconds as decimals.
    #[allow(clippy::cast_precision_loss)] // exact up to 285 years
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Seconds.
    #[allow(clippy::cast_precision_loss)] // exact up to 285 years
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1_000_000.0
    }
}

impl From<Duration> for Elapsed {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }
}

impl Add for Elapsed {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Elapsed {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Serialize for Elapsed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            serializer.serialize_u64(self.0 / 1000)
        } else {
            serializer.serialize_f64(self.as_millis_f64())
        }
    }
}

impl<'de> Deserialize<'de> for Elapsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let millis = f64::deserialize(deserializer)?;
        if !(millis.is_finite() && millis >= 0.0) {
            return Err(serde::de::Error::custom("milliseconds must be finite and not negative"));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked above; saturates
        Ok(Self((millis * 1000.0).round() as u64))
    }
}

impl JsonSchema for Elapsed {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Elapsed".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "description": "Milliseconds, to the microsecond." })
    }
}

#[cfg(test)]
mod tests {
    use super::Elapsed;

    #[test]
    fn milliseconds_on_the_wire_are_exact_microseconds_inside() {
        for micros in [0, 1, 999, 1000, 1001, 12_345, 86_400_000_001] {
            let wire = serde_json::to_string(&Elapsed::from_micros(micros)).unwrap();
            let back: Elapsed = serde_json::from_str(&wire).unwrap();
            assert_eq!(back.as_micros(), micros, "{wire}");
        }
    }

    #[test]
    fn a_negative_duration_is_refused() {
        assert!(serde_json::from_str::<Elapsed>("-1").is_err());
    }
}
