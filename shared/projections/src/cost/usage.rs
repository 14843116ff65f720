//! What was used: allocated resources times time, requests, writes. What a price is put on. Whole numbers, so that parts add up exactly.

use std::ops::{Add, AddAssign};

use gitledger_events::operation::Timing;
use gitledger_events::{Elapsed, Event, Fact};
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

/// Everything that costs: sandboxes' time, and what the functions took to serve it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct Usage {
    /// The sandboxes.
    pub sandboxes: ResourceTime,
    /// Operations that have ended: each was one request.
    pub operations: u64,
    /// How long functions worked on them, in microseconds.
    pub function_micros: u128,
    /// Events recorded.
    pub events: u64,
}

/// The numbers in a row: a state holds thousands of these.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Wire(u128, u128, u128, u64, u128, u64);

impl From<Wire> for Usage {
    fn from(
        Wire(running_micros, vcpu_micros, mib_micros, operations, function_micros, events): Wire,
    ) -> Self {
        let sandboxes = ResourceTime { running_micros, vcpu_micros, mib_micros };
        Self { sandboxes, operations, function_micros, events }
    }
}

impl From<Usage> for Wire {
    fn from(usage: Usage) -> Self {
        let time = usage.sandboxes;
        let (operations, events) = (usage.operations, usage.events);
        Self(
            time.running_micros,
            time.vcpu_micros,
            time.mib_micros,
            operations,
            usage.function_micros,
            events,
        )
    }
}

impl Usage {
    /// What an event itself used: one write, and where it ends an operation, what that took.
    pub fn of_event(event: &Event) -> Self {
        let timing = match &event.event.fact {
            Fact::OperationSucceeded(done) => Some(done.timing),
            Fact::OperationFailed(failed) => Some(failed.timing),
            Fact::OperationAbandoned(_) => Some(Timing::default()),
            _ => None,
        };
        Self {
            sandboxes: ResourceTime::ZERO,
            operations: u64::from(timing.is_some()),
            function_micros: timing.map_or(0, |timing| u128::from(timing.duration_ms.as_micros())),
            events: 1,
        }
    }
}

impl From<ResourceTime> for Usage {
    fn from(sandboxes: ResourceTime) -> Self {
        Self { sandboxes, ..Self::default() }
    }
}

impl Add for Usage {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            sandboxes: self.sandboxes + other.sandboxes,
            operations: self.operations.saturating_add(other.operations),
            function_micros: self.function_micros.saturating_add(other.function_micros),
            events: self.events.saturating_add(other.events),
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}
