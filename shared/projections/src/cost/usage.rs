//! Allocated resources times time: what a price is put on. Whole numbers, so that parts add up exactly.

use std::ops::{Add, AddAssign};

use gitledger_events::Elapsed;
use serde::{Deserialize, Serialize};

/// What one sandbox had allocated, and for how long it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxUsage {
    /// Virtual processors.
    pub vcpu: u32,
    /// Memory, in MiB.
    pub memory_mb: u32,
    /// Running time, in microseconds; pauses excluded.
    pub running_micros: u64,
}

impl SandboxUsage {
    /// E2B's default sandbox, 2 vCPU and 512 MiB, for one hour.
    pub const DEFAULT_HOUR: Self = Self { vcpu: 2, memory_mb: 512, running_micros: 3_600_000_000 };

    /// E2B's default sandbox for some time.
    pub fn default_size(running: Elapsed) -> Self {
        Self { running_micros: running.as_micros(), ..Self::DEFAULT_HOUR }
    }
}

/// The usage of any number of sandboxes, added up before any price is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceTime {
    /// Sandbox-microseconds.
    pub running_micros: u128,
    /// vCPU-microseconds.
    pub vcpu_micros: u128,
    /// MiB-microseconds.
    pub mib_micros: u128,
}

impl ResourceTime {
    /// Nothing at all.
    pub const ZERO: Self = Self { running_micros: 0, vcpu_micros: 0, mib_micros: 0 };

    /// The share `part / whole` of it, each number rounded down; all of it when `part >= whole`.
    #[must_use]
    pub fn share(self, part: u64, whole: u64) -> Self {
        if part >= whole {
            return self;
        }
        let cut = |number: u128| number.saturating_mul(u128::from(part)) / u128::from(whole);
        Self {
            running_micros: cut(self.running_micros),
            vcpu_micros: cut(self.vcpu_micros),
            mib_micros: cut(self.mib_micros),
        }
    }

    /// The greater of the two, number by number.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            running_micros: self.running_micros.max(other.running_micros),
            vcpu_micros: self.vcpu_micros.max(other.vcpu_micros),
            mib_micros: self.mib_micros.max(other.mib_micros),
        }
    }
}

impl From<SandboxUsage> for ResourceTime {
    fn from(usage: SandboxUsage) -> Self {
        let running_micros = u128::from(usage.running_micros);
        Self {
            running_micros,
            vcpu_micros: running_micros * u128::from(usage.vcpu),
            mib_micros: running_micros * u128::from(usage.memory_mb),
        }
    }
}

impl From<&SandboxUsage> for ResourceTime {
    fn from(usage: &SandboxUsage) -> Self {
        (*usage).into()
    }
}

impl Add for ResourceTime {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            running_micros: self.running_micros.saturating_add(other.running_micros),
            vcpu_micros: self.vcpu_micros.saturating_add(other.vcpu_micros),
            mib_micros: self.mib_micros.saturating_add(other.mib_micros),
        }
    }
}

impl AddAssign for ResourceTime {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for ResourceTime {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}
