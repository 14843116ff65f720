//! What came of it: the same figures that a ledger's replay gives.

use serde::Serialize;

use crate::cost::ResourceTime;
use crate::replay::durations::Durations;
use crate::replay::figures::DurationFigures;

/// The end of a simulation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Operations asked for.
    pub asked: u64,
    /// Ended well.
    pub succeeded: u64,
    /// Failed as they were recorded to fail.
    pub failed: u64,
    /// Failed because their sandbox had ended.
    pub not_found: u64,
    /// Failed because no more sandboxes were allowed at once.
    pub refused: u64,
    /// Taken while it ran, with the repository in it.
    pub ready: u64,
    /// Taken and woken.
    pub paused: u64,
    /// Taken from the pool.
    pub warm: u64,
    /// Made.
    pub new: u64,
    /// From request to outcome.
    pub durations: Durations,
    /// Waiting for a sandbox, of those that open one.
    pub waits: Durations,
    /// Sandboxes made, the pool's included.
    pub created: u64,
    /// Put to sleep.
    pub slept: u64,
    /// Woken.
    pub woken: u64,
    /// Ended because nobody had used them.
    pub ended: u64,
    /// Reached the end of their life.
    pub expired: u64,
    /// Leases that were given while another one held: never.
    pub doubled: u64,
    /// The most that ran at once.
    pub peak: u32,
    /// When, in microseconds since 1970.
    pub peak_at: i64,
    /// Running time times size.
    pub usage: ResourceTime,
    /// How long the workload is, in microseconds.
    pub span: u64,
}

/// The figures of an outcome, for tables and JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutcomeFigures {
    /// Operations asked for.
    pub operations: u64,
    /// Failed, for whatever reason.
    pub failed: u64,
    /// Of these, because their sandbox had ended.
    pub sandbox_not_found: u64,
    /// Of these, because no more sandboxes were allowed.
    pub sandbox_refused: u64,
    /// Leases served by a sandbox that was there, of all that could be, 0 to 1; `null` without any.
    pub hit_ratio: Option<f64>,
    /// Hits on one that ran, on one that slept, on one of the pool; misses.
    pub leases: [u64; 4],
    /// From request to outcome.
    pub durations: DurationFigures,
    /// Waiting for a sandbox, of those that open one.
    pub sandbox_waits: DurationFigures,
    /// Sandboxes made.
    pub sandboxes_created: u64,
    /// The most that ran at once.
    pub peak: u32,
    /// Running time.
    pub sandbox_seconds: u64,
}

impl Outcome {
    /// Failed, for whatever reason.
    pub fn failures(&self) -> u64 {
        self.failed + self.not_found + self.refused
    }

    /// Leases served by a sandbox that was there.
    pub fn hits(&self) -> u64 {
        self.ready + self.paused + self.warm
    }

    /// The share of hits; `None` where nothing could have been one.
    #[allow(clippy::cast_precision_loss)] // a share
    pub fn hit_ratio(&self) -> Option<f64> {
        let all = self.hits() + self.new;
        (all > 0).then(|| self.hits() as f64 / all as f64)
    }

    /// The figures.
    pub fn figures(&self) -> OutcomeFigures {
        OutcomeFigures {
            operations: self.asked,
            failed: self.failures(),
            sandbox_not_found: self.not_found,
            sandbox_refused: self.refused,
            hit_ratio: self.hit_ratio(),
            leases: [self.ready, self.paused, self.warm, self.new],
            durations: (&self.durations).into(),
            sandbox_waits: (&self.waits).into(),
            sandboxes_created: self.created,
            peak: self.peak,
            sandbox_seconds: u64::try_from(self.usage.running_micros / 1_000_000).unwrap_or(u64::MAX),
        }
    }

    /// Usage as it would be in a month of 30 days.
    pub fn monthly(&self) -> ResourceTime {
        const MONTH_MICROS: u128 = 30 * 86_400 * 1_000_000;
        let span = u128::from(self.span.max(1));
        let scaled = |number: u128| number.saturating_mul(MONTH_MICROS) / span;
        ResourceTime {
            running_micros: scaled(self.usage.running_micros),
            vcpu_micros: scaled(self.usage.vcpu_micros),
            mib_micros: scaled(self.usage.mib_micros),
        }
    }
}
