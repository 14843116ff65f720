//! Operations, one and all.

use gitledger_events::operation::{OperationAbandoned, PushOutcome, PushPrepared, SideEffect};
use gitledger_events::sandbox::Reuse;

use super::given::{Ledger, at, created, failed, id, leased, pushed, requested, succeeded};
use crate::operation_state::Outcome;
use crate::{OpenOperations, OperationState, fold};

fn prepared(attempt: u32) -> PushPrepared {
    let (reference, new) = ("refs/heads/main".to_owned(), "b".repeat(40));
    PushPrepared { attempt, reference, old: None, new: Some(new), force: false }
}

#[test]
fn an_operation_is_open_from_its_request_to_its_outcome() {
    let mut ledger = Ledger::default();
    assert!(!OperationState::default().is_open());
    ledger.operation(1, 0, "commit", requested(60));
    let state = OperationState::fold(&ledger.events);
    assert!(state.is_open());
    assert_eq!((state.version, state.name.as_deref()), (1, Some("commit")));
    assert_eq!(state.requested.unwrap().holder.as_deref(), Some("local-1"));
    ledger.operation(1, 2, "commit", succeeded(2000));
    ledger.operation(1, 3, "commit", failed("late", "other", 1));
    let state = OperationState::fold(&ledger.events);
    assert!(matches!(state.outcome, Some(Outcome::Succeeded(_))), "the first outcome stands");
    assert_eq!(state.ended_at, Some(at(2)));
}

#[test]
fn a_push_without_a_known_end_is_to_be_asked_for() {
    let mut ledger = Ledger::default();
    ledger.operation(1, 0, "push", requested(60));
    ledger.operation(1, 1, "push", prepared(1));
    assert_eq!(OperationState::fold(&ledger.events).unresolved_push().map(|push| push.attempt), Some(1));
    ledger.operation(1, 2, "push", pushed(1, PushOutcome::Superseded));
    assert!(OperationState::fold(&ledger.events).unresolved_push().is_none());
    ledger.operation(1, 3, "push", prepared(2));
    ledger.operation(1, 4, "push", pushed(2, PushOutcome::Unknown));
    assert_eq!(OperationState::fold(&ledger.events).unresolved_push().map(|push| push.attempt), Some(2));
    assert!(fold::<OpenOperations>(&ledger.events).get(id(1)).unwrap().pushing);
}

#[test]
fn the_reaper_sees_what_is_overdue_with_its_sandbox_and_nothing_that_has_ended() {
    let mut ledger = Ledger::default();
    for (number, deadline) in [(1, 60), (2, 30), (3, 900), (4, 10), (5, 10)] {
        ledger.operation(number, 0, "commit", requested(deadline));
    }
    ledger.sandbox("s1", 0, created(3600));
    ledger.sandbox("s1", 1, leased(2, 1, 30, Reuse::New));
    ledger.operation(4, 5, "commit", failed("nothing-to-commit", "other", 5));
    ledger.operation(
        5,
        50,
        "commit",
        OperationAbandoned { reason: "deadline".to_owned(), side_effect: SideEffect::Unknown },
    );
    let open: OpenOperations = fold(&ledger.events);
    let overdue = open.overdue(at(61));
    assert_eq!(overdue.iter().map(|o| o.id).collect::<Vec<_>>(), [id(2), id(1)]);
    assert_eq!(overdue[0].sandbox_id.as_deref(), Some("s1"));
    assert_eq!(open.held_by("local-1").count(), 3);
    assert_eq!(open.held_by("local-2").count(), 0);
}
