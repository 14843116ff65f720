//! What counts as begun and as work, and what enters a latency: one rule for all folds.

use gitledger_events::operation::Timing;
use gitledger_events::{Elapsed, Event, Fact};

/// The code under which an operation that the reaper closed is counted as failed.
pub const ABANDONED: &str = "abandoned";

/// The code of a failure with what git said and nobody knows.
pub const UNKNOWN_GIT_ERROR: &str = "unknown-git-error";

/// Operations that nobody waits for: the system's own work. They are in the ledger and in the metrics like any
/// other; a judgement of how long callers wait and how often they fail leaves them out.
pub const HOUSEKEEPING: &[&str] = &["sandbox-lifecycle", "sandbox-reap", "sandbox-warm"];

/// Whether an event begins an operation: its request, or an outcome recorded whole in one event.
pub fn starts(event: &Event) -> bool {
    let fact = &event.event.fact;
    matches!(fact, Fact::OperationRequested(_)) || (event.version == 1 && fact.is_outcome())
}

/// What an outcome adds to a latency, if anything: what would be nothing pulls every latency down to nothing.
///
/// A failure counts when it got as far as waiting for a sandbox or running git. A success counts when its time is
/// known: of a push that the reaper found done nobody has measured any.
pub fn latency(succeeded: bool, timing: &Timing) -> Option<Elapsed> {
    let some = |elapsed: Elapsed| elapsed.as_micros() > 0;
    let counts = if succeeded {
        some(timing.duration_ms)
    } else {
        some(timing.git_ms) || some(timing.sandbox_wait_ms)
    };
    counts.then_some(timing.duration_ms)
}
