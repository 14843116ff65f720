//! What one sandbox uses: its history, and whether it is over its disk.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// How many samples are kept: four hours of one every five seconds.
const KEPT: usize = 2880;

/// One look at a sandbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: Timestamp,
    /// Percent of the processors it may use.
    pub(super) cpu_used_percent: f64,
    pub(super) memory_used_bytes: u64,
    pub(super) memory_cache_bytes: u64,
    pub(super) disk_used_bytes: u64,
}

/// A sandbox's use of the machine.
#[derive(Default)]
pub(super) struct Gauge(Mutex<Readings>);

#[derive(Default)]
pub(super) struct Readings {
    samples: VecDeque<Sample>,
    /// Processor time of all its processes at the last sample.
    pub(super) cpu: Option<(Instant, Duration)>,
    pub(super) disk: Disk,
}

/// The last look at the disk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Disk {
    pub(super) used_bytes: u64,
    pub(super) over: bool,
    /// Processor time then: files do not change by themselves.
    pub(super) cpu: Duration,
    /// The next look is not before: a look must not cost more than a part of the time.
    pub(super) not_before: Option<Instant>,
}

impl Gauge {
    pub(super) fn readings(&self) -> MutexGuard<'_, Readings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is no room for another file.
    pub(super) fn is_full(&self) -> bool {
        self.readings().disk.over
    }

    /// The samples of this time, oldest first.
    pub(super) fn between(&self, start: Timestamp, end: Timestamp) -> Vec<Sample> {
        let readings = self.readings();
        readings.samples.iter().filter(|sample| (start..=end).contains(&sample.at)).copied().collect()
    }

    pub(super) fn latest(&self) -> Option<Sample> {
        self.readings().samples.back().copied()
    }
}

impl Readings {
    pub(super) fn keep(&mut self, sample: Sample) {
        if self.samples.len() == KEPT {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }
}
