//! The demonstration's table.

use gitledger_events::operation::PushOutcome;
use gitledger_events::sandbox::{Reuse, SandboxLost};

use super::given::{Ledger, created, failed, leased, pushed, requested, succeeded};
use crate::{Summary, fold};

#[test]
fn the_table_says_how_often_how_it_ended_and_how_long_it_took() {
    let mut ledger = Ledger::default();
    for n in 1..=100 {
        ledger.operation(n, 0, "commit", succeeded(n * 10));
    }
    ledger.operation(200, 0, "commit", failed("nothing-to-commit", "other", 0));
    ledger.operation(201, 0, "commit", requested(60));
    ledger.operation(202, 0, "push", requested(60));
    ledger.operation(202, 1, "push", pushed(1, PushOutcome::Superseded));
    ledger.operation(202, 2, "push", pushed(2, PushOutcome::Landed));
    ledger.sandbox("s1", 0, created(3600));
    ledger.sandbox("s1", 1, leased(1, 1, 60, Reuse::Ready));
    ledger.sandbox("s1", 2, SandboxLost { evidence: String::new() });
    let summary: Summary = fold(&ledger.events);
    let commit = &summary.operations["commit"];
    assert_eq!((commit.count, commit.succeeded, commit.failed(), commit.open()), (102, 100, 1, 1));
    assert_eq!(commit.failures["nothing-to-commit"], 1);
    assert_eq!(commit.durations.count(), 100, "a failure before any work took no time");
    let millis = |percent| commit.durations.percentile(percent).unwrap().as_millis_f64();
    assert!((millis(50) - 500.0).abs() < 5.0 && (millis(95) - 950.0).abs() < 9.5);
    assert_eq!(summary.push_retries, 1);
    let sandboxes = summary.sandboxes;
    assert_eq!((sandboxes.created, sandboxes.reused, sandboxes.killed, sandboxes.lost), (1, 1, 0, 1));
}
