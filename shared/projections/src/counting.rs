//! What counts as begun and as work: one rule for the metrics and for the summary.

use gitledger_events::operation::Timing;
use gitledger_events::{Event, Fact};

/// The code under which an operation that the reaper closed is counted as failed.
pub const ABANDONED: &str = "abandoned";

/// Operations that nobody waits for: the system's own work. They are in the ledger and in the metrics like any
/// other; a judgement of how long callers wait and how often they fail leaves them out.
pub const HOUSEKEEPING: &[&str] = &["sandbox-lifecycle", "sandbox-reap", "sandbox-warm"];

/// Whether an event begins an operation: its request, or an outcome recorded whole in one event.
pub fn starts(event: &Event) -> bool {
    let fact = &event.event.fact;
    matches!(fact, Fact::OperationRequested(_)) || (event.version == 1 && fact.is_outcome())
}

/// Whether a failed operation got as far as waiting for a sandbox or running git. Those that did not
/// would pull every latency down to nothing.
pub fn worked(timing: &Timing) -> bool {
    timing.git_ms.as_micros() > 0 || timing.sandbox_wait_ms.as_micros() > 0
}
