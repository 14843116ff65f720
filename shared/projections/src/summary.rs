//! The table at the end of a demonstration: per operation how often, how it ended and how long it took.

use std::collections::BTreeMap;

use gitledger_events::{Elapsed, Event, Fact};
use serde::{Deserialize, Serialize};

use crate::Projection;
use crate::bounded::{self, OTHER};
use crate::counting::{ABANDONED, latency, starts};
use crate::log_histogram::LogHistogram;

/// All operations and sandboxes, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// By operation name.
    pub operations: BTreeMap<String, OperationSummary>,
    /// Sandboxes.
    pub sandboxes: SandboxSummary,
    /// Conflicts that git could not resolve.
    pub conflicts: u64,
    /// Pushes tried again.
    pub push_retries: u64,
}

/// One operation's row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationSummary {
    /// Begun.
    pub count: u64,
    /// Succeeded.
    pub succeeded: u64,
    /// Failed, by code; `abandoned` for those that the reaper closed.
    pub failures: BTreeMap<String, u64>,
    /// From request to outcome, of all that did any work.
    pub durations: LogHistogram,
}

/// The sandboxes' row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxSummary {
    /// Created.
    pub created: u64,
    /// Leases served by one that was there.
    pub reused: u64,
    /// Killed by one of us.
    pub killed: u64,
    /// Ended by their time to live.
    pub expired: u64,
    /// Gone, and nobody here did it.
    pub lost: u64,
}

impl OperationSummary {
    /// Failed, whatever the code.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Begun and not ended.
    pub fn open(&self) -> u64 {
        self.count.saturating_sub(self.succeeded).saturating_sub(self.failed())
    }
}

impl OperationSummary {
    fn took(&mut self, latency: Option<Elapsed>) {
        if let Some(latency) = latency {
            self.durations.record(latency);
        }
    }
}

impl Projection for Summary {
    const NAME: &'static str = "summary";
    const VERSION: u32 = 2;

    fn apply(&mut self, event: &Event) {
        if event.stream.operation_id().is_some() {
            self.apply_to_operation(event);
        }
        let sandboxes = &mut self.sandboxes;
        match &event.event.fact {
            Fact::SandboxCreated(_) => sandboxes.created += 1,
            Fact::SandboxLeased(leased) => sandboxes.reused += u64::from(leased.reuse.hit() == Some(true)),
            Fact::SandboxKilled(_) => sandboxes.killed += 1,
            Fact::SandboxExpired(_) => sandboxes.expired += 1,
            Fact::SandboxLost(_) => sandboxes.lost += 1,
            Fact::ConflictDetected(_) => self.conflicts += 1,
            Fact::PushAttempted(pushed) => self.push_retries += u64::from(pushed.attempt > 1),
            _ => {}
        }
    }
}

impl Summary {
    fn apply_to_operation(&mut self, event: &Event) {
        let name = event.event.operation.as_deref().unwrap_or(OTHER);
        let row = bounded::entry(&mut self.operations, name);
        row.count += u64::from(starts(event));
        match &event.event.fact {
            Fact::OperationSucceeded(data) => {
                row.succeeded += 1;
                row.took(latency(true, &data.timing));
            }
            Fact::OperationFailed(data) => {
                *bounded::entry(&mut row.failures, &data.code) += 1;
                row.took(latency(false, &data.timing));
            }
            Fact::OperationAbandoned(_) => *bounded::entry(&mut row.failures, ABANDONED) += 1,
            _ => {}
        }
    }
}
