//! When a sandbox runs, and so costs: from creation or resume until pause, end or expiry.

use gitledger_events::{Event, Fact};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A stretch of time, in microseconds since the epoch; `until` is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its start.
    pub from: i64,
    /// Its end, never before its start.
    pub until: i64,
}

impl Span {
    /// From one instant to another; empty when they are the wrong way round (clocks differ).
    pub fn new(from: i64, until: i64) -> Self {
        Self { from, until: until.max(from) }
    }

    /// Its length.
    pub fn micros(self) -> u64 {
        self.until.abs_diff(self.from)
    }

    /// The part of it inside another span.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self::new(self.from.max(other.from), self.until.min(other.until))
    }
}

/// Tells running from not running. Time after `expires_at` does not count, whenever the end was
/// noticed: E2B has killed the sandbox by then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningClock {
    running: Option<Running>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Running {
    since: Timestamp,
    expires_at: Timestamp,
}

impl Running {
    fn until(self, at: Timestamp) -> Span {
        Span::new(self.since.as_microsecond(), at.min(self.expires_at).as_microsecond())
    }
}

impl RunningClock {
    /// Takes in an event of the sandbox's stream; gives the span that it ended, if it ended one.
    pub fn apply(&mut self, event: &Event) -> Option<Span> {
        let at = event.event.recorded_at;
        match &event.event.fact {
            Fact::SandboxCreated(created) => self.start(at, created.expires_at),
            Fact::SandboxResumed(resumed) => self.start(at, resumed.expires_at),
            Fact::SandboxExtended(extended) => {
                if let Some(running) = &mut self.running {
                    running.expires_at = extended.expires_at;
                }
                None
            }
            Fact::SandboxPaused(_)
            | Fact::SandboxKilled(_)
            | Fact::SandboxExpired(_)
            | Fact::SandboxLost(_) => self.running.take().map(|running| running.until(at)),
            _ => None,
        }
    }

    /// The span that is still open at `now`, if it runs.
    pub fn open(&self, now: Timestamp) -> Option<Span> {
        self.running.map(|running| running.until(now))
    }

    /// Whether it runs at `now`: started, not ended, not expired.
    pub fn runs(&self, now: Timestamp) -> bool {
        self.running.is_some_and(|running| now < running.expires_at)
    }

    fn start(&mut self, at: Timestamp, expires_at: Timestamp) -> Option<Span> {
        match &mut self.running {
            // Resuming what already runs only lengthens its life.
            Some(running) if at <= running.expires_at => {
                running.expires_at = expires_at;
                None
            }
            old => old.replace(Running { since: at, expires_at }).map(|running| running.until(at)),
        }
    }
}
