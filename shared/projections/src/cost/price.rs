//! One dated row of a price list, and the one function that applies it.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize};

use super::exact::{Exact, PIECES_A_PICO};
use super::windows::DAY_MICROS;
use super::{NanoDollars, ResourceTime, Usage};

/// The rates of one list from a day on. What is not charged for is 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The list's name, a label value.
    pub list: String,
    /// The first day (UTC) that it holds.
    pub from: Date,
    /// For one vCPU allocated for one second.
    #[serde(default)]
    pub vcpu_second: Rate,
    /// For one GiB allocated for one second.
    #[serde(default)]
    pub gib_second: Rate,
    /// For one sandbox, whatever its size, for one hour.
    #[serde(default)]
    pub sandbox_hour: Rate,
    /// For one invocation of a function.
    #[serde(default)]
    pub function_request: Rate,
    /// For one GiB of a function's memory for one second.
    #[serde(default)]
    pub function_gib_second: Rate,
    /// The memory that functions are given, in MiB.
    #[serde(default)]
    pub function_memory_mb: u32,
    /// For one request at the API's door.
    #[serde(default)]
    pub api_request: Rate,
    /// For one event written.
    #[serde(default)]
    pub ledger_write: Rate,
    /// For one read of a stream: each operation reads its sandbox's.
    #[serde(default)]
    pub ledger_read: Rate,
}

/// Dollars for one of something, in whole thousandths of a billionth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Rate(u64);

impl Rate {
    /// Decimals that a dollar can have in the file.
    const DECIMALS: usize = 12;

    /// Reads dollars as people write them: `0.0000045`.
    pub fn parse(dollars: &str) -> Option<Self> {
        decimal(dollars, Self::DECIMALS).map(Self)
    }

    fn times(self, number: u128) -> u128 {
        number.saturating_mul(u128::from(self.0))
    }
}

/// `12.5` with 3 decimals is 12500; `None` for what is no such number.
pub(super) fn decimal(text: &str, decimals: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > decimals || !digits(whole) || !digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<decimals$}").parse().ok()
}

/// Accepts a number or a text; a number is taken as it is written, not as its nearest binary fraction.
impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Dollars;
        impl serde::de::Visitor<'_> for Dollars {
            type Value = Rate;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("dollars, not negative, with at most 12 decimals")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Rate, E> {
                Rate::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Rate, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Rate, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Rate, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Dollars)
    }
}

impl Price {
    /// A row that charges for nothing.
    pub fn nothing(list: &str, from: Date) -> Self {
        let free = Rate::default();
        Self {
            list: list.to_owned(),
            from,
            vcpu_second: free,
            gib_second: free,
            sandbox_hour: free,
            function_request: free,
            function_gib_second: free,
            function_memory_mb: 0,
            api_request: free,
            ledger_write: free,
            ledger_read: free,
        }
    }

    /// The first day that it holds, in days since 1970.
    pub fn from_day(&self) -> i64 {
        let start = self.from.to_zoned(TimeZone::UTC).map(|start| start.timestamp().as_microsecond());
        start.map_or(i64::MIN, |micros| micros.div_euclid(DAY_MICROS))
    }

    /// What sandboxes' time costs: exact, rounded once, half up. Price the sum, not the parts.
    pub fn of(&self, usage: impl Into<ResourceTime>) -> NanoDollars {
        self.exact(&Usage::from(usage.into())).rounded()
    }

    /// What a usage costs, not rounded.
    pub fn exact(&self, usage: &Usage) -> Exact {
        const HOUR: u128 = 3600;
        const GIB: u128 = 1024;
        let time = &usage.sandboxes;
        let function_mib = usage.function_micros.saturating_mul(u128::from(self.function_memory_mb));
        let (operations, events) = (u128::from(usage.operations), u128::from(usage.events));
        // Everything over the common denominator micros × hour × GiB.
        let pieces = [
            self.vcpu_second.times(time.vcpu_micros).saturating_mul(HOUR * GIB),
            self.gib_second.times(time.mib_micros).saturating_mul(HOUR),
            self.sandbox_hour.times(time.running_micros).saturating_mul(GIB),
            self.function_gib_second.times(function_mib).saturating_mul(HOUR),
            self.function_request.times(operations).saturating_mul(PIECES_A_PICO),
            self.api_request.times(operations).saturating_mul(PIECES_A_PICO),
            self.ledger_read.times(operations).saturating_mul(PIECES_A_PICO),
            self.ledger_write.times(events).saturating_mul(PIECES_A_PICO),
        ];
        Exact::of_pieces(pieces.into_iter().fold(0, u128::saturating_add))
    }
}
