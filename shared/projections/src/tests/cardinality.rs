//! Whatever the ledger is full of, the metrics stay few.

use gitledger_events::operation::OperationRequested;
use gitledger_events::{Actor, Event, NewEvent, Repo, Stream};

use super::given::{at, failed, id, requested};
use super::metrics::seen;
use crate::Projection;
use crate::metrics::definitions::Vocabulary;
use crate::metrics::{Metrics, Observation, render};

/// Distinct names, and how many there are in the long run (with `GITLEDGER_EXAMPLES`).
const NAMES: [u64; 2] = [100_000, 1_000_000];
/// The most series that there may be.
const SERIES_MAX: usize = 2000;

/// A failed operation of a repository, branch, agent, task and operation that no other event names.
fn unheard_of(number: u64) -> Event {
    let request = OperationRequested {
        input: serde_json::json!({ "branch": format!("branch-{number}") }),
        sandbox_id: Some(format!("sandbox-{number}")),
        ..requested(60)
    };
    let code = format!("code-{number}");
    let fact = if number.is_multiple_of(2) { request.into() } else { failed(&code, &code, number).into() };
    let event = NewEvent {
        id: id(number),
        recorded_at: at(i64::try_from(number).unwrap()),
        operation: Some(format!("operation-{number}")),
        actor: Actor::new(format!("agent-{number}"), format!("task-{number}")),
        repo: Some(Repo::from_parts("github.com", &format!("/acme/app-{number}"))),
        correlation_id: id(number),
        causation_id: None,
        fact,
    };
    Event { stream: Stream::operation(id(number)), version: 1 + number % 2, event }
}

#[test]
fn any_number_of_repositories_branches_agents_and_codes_makes_no_more_series() {
    let names = NAMES[usize::from(std::env::var_os("GITLEDGER_EXAMPLES").is_some())];
    // As many words as the real tables have.
    let words = |count: usize, of: &str| (0..count).map(|n| format!("{of}-{n}x")).collect::<Vec<_>>();
    let (operations, codes) = (words(75, "operation"), words(100, "code"));
    let operations: Vec<&str> = operations.iter().map(String::as_str).collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let vocabulary = Vocabulary { operations: &operations, codes: &codes, ..seen(0).vocabulary };
    let now = at(i64::try_from(names).unwrap());

    let mut metrics = Metrics::default();
    let series = |metrics: &mut Metrics| {
        let text = render(&metrics.snapshot(&Observation { now, vocabulary, ..seen(0) }));
        text.lines().filter(|line| !line.starts_with('#')).count()
    };
    let before = series(&mut metrics);
    (0..names).for_each(|number| metrics.apply(&unheard_of(number)));
    let after = series(&mut metrics);
    let state = metrics.to_bytes().unwrap().len();
    println!("{names} distinct names: {before} series before, {after} after, {state} bytes of state");
    assert_eq!(after, before);
    assert!(after <= SERIES_MAX, "{after} series");
    assert!(state < 1_000_000, "{state} bytes");
}
