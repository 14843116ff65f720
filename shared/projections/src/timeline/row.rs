//! One operation as the timeline keeps it: a few numbers.

use std::sync::Arc;

use gitledger_events::Elapsed;
use gitledger_events::operation::{SideEffect, Timing};
use gitledger_events::sandbox::Reuse;
use uuid::Uuid;

use super::names::Name;
use crate::counting::latency;

/// An operation. Instants are microseconds since the epoch, durations microseconds.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: Uuid,
    /// What was asked.
    pub name: Name,
    /// Who asked.
    pub agent: Name,
    /// For what.
    pub task: Option<Arc<str>>,
    /// The repository.
    pub repo: Name,
    /// Where it ran, as far as is known.
    pub sandbox: Option<Arc<str>>,
    /// When its first event was recorded.
    pub requested_at: i64,
    /// How and when it ended.
    pub end: Option<End>,
    /// Where its sandbox came from, when it leased one.
    pub reuse: Option<Reuse>,
    /// Pushes tried again.
    pub retries: u32,
    /// Conflicts that git could not resolve.
    pub conflicts: u32,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// When that was recorded.
    pub at: i64,
    /// In which way.
    pub how: Ended,
    /// From the request to the outcome; `None` when nothing was begun, or its function
    /// died.
    pub duration: Option<u64>,
    /// Of it, in the sandbox, running git.
    pub git: u64,
    /// Of it, waiting for a sandbox.
    pub wait: u64,
}

/// In which way an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Done.
    Succeeded,
    /// With a code and a coarse type, both by number.
    Failed {
        /// The stable code.
        code: Name,
        /// One of the bounded set.
        error_type: Name,
        /// What is left behind.
        side_effect: SideEffect,
    },
}

impl End {
    /// A success; its duration counts when it is known.
    pub(super) fn succeeded(at: i64, timing: &Timing) -> Self {
        Self::timed(at, Ended::Succeeded, timing, latency(true, timing))
    }

    /// A failure; its duration counts when it got as far as doing anything.
    pub(super) fn failed(at: i64, how: Ended, timing: &Timing) -> Self {
        Self::timed(at, how, timing, latency(false, timing))
    }

    fn timed(at: i64, how: Ended, timing: &Timing, latency: Option<Elapsed>) -> Self {
        Self {
            at,
            how,
            duration: latency.map(Elapsed::as_micros),
            git: timing.git_ms.as_micros(),
            wait: timing.sandbox_wait_ms.as_micros(),
        }
    }
}

impl Row {
    /// Whether it failed.
    pub fn failed(&self) -> bool {
        self.end.is_some_and(|end| matches!(end.how, Ended::Failed { .. }))
    }

    /// The instant it stands at: its end, or its beginning while it is open.
    pub fn at(&self) -> i64 {
        self.end.map_or(self.requested_at, |end| end.at)
    }
}
