//! Price tables as data, in nano-dollars, and the one function that applies them.

use serde::Serialize;

use super::{NanoDollars, ResourceTime};

/// A price table. Parts that a provider does not charge for are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Price {
    /// Its name, a label value.
    pub name: &'static str,
    /// When it was read, `year-month`.
    pub as_of: &'static str,
    /// Nano-dollars for one vCPU allocated for one second.
    pub vcpu_second_nano: u64,
    /// Nano-dollars for one GiB allocated for one second.
    pub gib_second_nano: u64,
    /// Nano-dollars for one sandbox, whatever its size, for one hour.
    pub sandbox_hour_nano: u64,
}

const SECONDS_AN_HOUR: u128 = 3600;
const MIB_A_GIB: u128 = 1024;
const MICROS_A_SECOND: u128 = 1_000_000;

impl Price {
    /// E2B's list price: allocated vCPU and memory, only while running
    /// (<https://e2b.dev/docs/faq/calculate-sandbox-price.md>).
    pub const E2B_LIST: Self = Self {
        name: "e2b-list",
        as_of: "2026-08",
        vcpu_second_nano: 14_000,
        gib_second_nano: 4_500,
        sandbox_hour_nano: 0,
    };

    /// The flat rate that earlier dashboards assumed; about seven times too low for the default sandbox.
    pub const ORIGINAL_FLAT: Self = Self {
        name: "original-flat",
        as_of: "2026-01",
        vcpu_second_nano: 0,
        gib_second_nano: 0,
        sandbox_hour_nano: 15_000_000,
    };

    /// Every table; the first is the one to use unless told otherwise.
    pub const ALL: &[Self] = &[Self::E2B_LIST, Self::ORIGINAL_FLAT];

    /// What a usage costs: exact, rounded once, half up. Price the sum, not the parts.
    pub fn of(&self, usage: impl Into<ResourceTime>) -> NanoDollars {
        let usage = usage.into();
        // Everything over the common denominator micros × hour × GiB.
        let vcpu_nano = u128::from(self.vcpu_second_nano) * SECONDS_AN_HOUR * MIB_A_GIB;
        let memory_nano = u128::from(self.gib_second_nano) * SECONDS_AN_HOUR;
        let flat_nano = u128::from(self.sandbox_hour_nano) * MIB_A_GIB;
        let exact = usage
            .vcpu_micros
            .saturating_mul(vcpu_nano)
            .saturating_add(usage.mib_micros.saturating_mul(memory_nano))
            .saturating_add(usage.running_micros.saturating_mul(flat_nano));
        let denominator = SECONDS_AN_HOUR * MIB_A_GIB * MICROS_A_SECOND;
        let rounded = exact.saturating_add(denominator / 2) / denominator;
        NanoDollars::new(u64::try_from(rounded).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::Price;
    use crate::cost::{ResourceTime, SandboxUsage};

    #[test]
    fn the_default_sandbox_costs_what_e2b_says_an_hour() {
        assert_eq!(Price::E2B_LIST.of(SandboxUsage::DEFAULT_HOUR).as_u64(), 108_900_000);
        assert_eq!(Price::ORIGINAL_FLAT.of(SandboxUsage::DEFAULT_HOUR).as_u64(), 15_000_000);
    }

    #[test]
    fn eight_processors_and_four_gibibytes_cost_what_e2b_says_an_hour() {
        let large = SandboxUsage { vcpu: 8, memory_mb: 4096, running_micros: 3_600_000_000 };
        assert_eq!(Price::E2B_LIST.of(large).as_u64(), 468_000_000);
    }

    #[test]
    fn half_a_nano_dollar_is_rounded_up_and_a_century_does_not_overflow() {
        let tiny = SandboxUsage { vcpu: 0, memory_mb: 0, running_micros: 120 };
        assert_eq!(
            Price::ORIGINAL_FLAT.of(tiny).as_u64(),
            1,
            "0.0005 nano-dollars per micro times 120 is 0.5"
        );
        let usage = SandboxUsage { vcpu: 8, memory_mb: 8192, running_micros: 3_155_760_000_000_000 };
        let fleet: ResourceTime = (0..1000).map(|_| ResourceTime::from(usage)).sum();
        assert_eq!(Price::E2B_LIST.of(fleet).as_u64(), 3_155_760_000_000 * (8 * 14_000 + 8 * 4_500));
    }
}
