//! What happened when: every operation as a row of numbers and every sandbox's running time, by event time, so
//! that any window can be asked for.
//!
//! The one fold here that grows with the ledger: less than a kilobyte an operation, up to [`ROWS_MAX`] of each kind
//! of row; older ones stay in the ledger. It is not saved: a reader makes it from the events once and follows.

pub mod cost_table;
pub mod filter;
pub mod names;
pub mod panels;
pub mod row;
pub mod runs;
pub mod usage;
pub mod window;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use gitledger_events::operation::{OperationFailed, SideEffect};
use gitledger_events::sandbox::SandboxLeased;
use gitledger_events::{Event, Fact};
use jiff::Timestamp;
use uuid::Uuid;

pub use cost_table::CostTable;
pub use filter::{Filter, Found, Listed, Order};
pub use panels::Panels;
pub use window::Window;

use crate::bounded::OTHER;
use crate::counting::ABANDONED;
use crate::metrics::definitions::ERROR_TYPES;
use names::{Name, Names, Passing};
use row::{End, Ended, Row};
use runs::{Runs, push};

/// So many rows of each kind are kept.
pub const ROWS_MAX: usize = 1_000_000;

/// Everything by event time.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    names: Names,
    passing: Passing,
    rows: VecDeque<Row>,
    /// How many rows have been let go: the first one's number.
    let_go: u64,
    numbers: HashMap<Uuid, u64>,
    creations: VecDeque<(i64, u64)>,
    leases: VecDeque<(i64, bool)>,
    retries: VecDeque<(i64, u32)>,
    conflicts: VecDeque<(i64, Name)>,
    runs: Runs,
    began: Option<Timestamp>,
    newest: Option<Timestamp>,
}

impl Timeline {
    /// Takes in the next event, in the ledger's order.
    pub fn apply(&mut self, event: &Event) {
        let at = event.event.recorded_at;
        self.began = Some(self.began.map_or(at, |began| began.min(at)));
        self.newest = self.newest.max(Some(at));
        self.runs.apply(event, &mut self.names);
        match &event.event.fact {
            Fact::SandboxCreated(created) => {
                push(&mut self.creations, (at.as_microsecond(), created.creation_ms.as_micros()));
            }
            Fact::SandboxLeased(leased) => self.leased(leased, event),
            _ => {
                if let Some(id) = event.stream.operation_id() {
                    self.apply_to_operation(id, event);
                }
            }
        }
    }

    /// When the first event was recorded that is still in it.
    pub fn began(&self) -> Option<Timestamp> {
        let kept = self.rows.front().filter(|_| self.let_go > 0);
        kept.and_then(|row| Timestamp::from_microsecond(row.requested_at).ok()).or(self.began)
    }

    /// When the newest event was recorded.
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// How many operations there were, those included that are not kept any more.
    pub fn operations(&self) -> u64 {
        self.let_go + self.rows.len() as u64
    }

    /// An operation, by its id.
    pub fn row(&self, id: Uuid) -> Option<&Row> {
        let number = self.numbers.get(&id)?.checked_sub(self.let_go)?;
        self.rows.get(usize::try_from(number).ok()?)
    }

    fn leased(&mut self, leased: &SandboxLeased, event: &Event) {
        if let Some(hit) = leased.reuse.hit() {
            push(&mut self.leases, (event.event.recorded_at.as_microsecond(), hit));
        }
        // A write's intent and its lease go out together: the lease can be recorded first.
        self.opened(leased.operation_id, event).reuse = Some(leased.reuse);
        self.say(leased.operation_id, event.stream.sandbox_id(), |row| &mut row.sandbox);
    }

    fn apply_to_operation(&mut self, id: Uuid, event: &Event) {
        let at = event.event.recorded_at.as_microsecond();
        let operation = event.event.operation.as_deref().unwrap_or(OTHER);
        let operation = self.names.number(operation);
        match &event.event.fact {
            Fact::PushAttempted(pushed) if pushed.attempt > 1 => {
                push(&mut self.retries, (at, pushed.attempt - 1));
                self.opened(id, event).retries += 1;
            }
            Fact::ConflictDetected(_) => {
                push(&mut self.conflicts, (at, operation));
                self.opened(id, event).conflicts += 1;
            }
            Fact::OperationSucceeded(data) => {
                self.end(id, event, data.sandbox_id.as_deref(), End::succeeded(at, &data.timing));
            }
            Fact::OperationFailed(data) => {
                let how = self.failure(data);
                self.end(id, event, data.sandbox_id.as_deref(), End::failed(at, how, &data.timing));
            }
            Fact::OperationAbandoned(data) => {
                let how = self.abandoned(data.side_effect);
                self.end(id, event, None, End { at, how, duration: None, git: 0, wait: 0 });
            }
            Fact::OperationRequested(requested) => {
                let agent = self.names.maybe(event.event.actor.agent_id.as_deref());
                let row = self.opened(id, event);
                (row.requested_at, row.name, row.agent) = (at, operation, agent);
                let unknown = row.sandbox.is_none();
                self.say(id, event.event.actor.task_id.as_deref(), |row| &mut row.task);
                if unknown {
                    self.say(id, requested.sandbox_id.as_deref(), |row| &mut row.sandbox);
                }
            }
            _ => {
                self.opened(id, event);
            }
        }
    }

    /// The row of an operation, made at its first event.
    fn opened(&mut self, id: Uuid, event: &Event) -> &mut Row {
        let repo = event.event.repo.as_ref().map(ToString::to_string);
        let repo = self.names.maybe(repo.as_deref());
        let known = self.numbers.get(&id).is_some_and(|number| *number >= self.let_go);
        if !known {
            if self.rows.len() >= ROWS_MAX {
                self.forget_oldest();
            }
            let actor = &event.event.actor;
            let row = Row {
                id,
                name: self.names.number(event.event.operation.as_deref().unwrap_or(OTHER)),
                agent: self.names.maybe(actor.agent_id.as_deref()),
                task: self.passing.kept(actor.task_id.as_deref()),
                repo: Name::default(),
                sandbox: None,
                requested_at: event.event.recorded_at.as_microsecond(),
                end: None,
                reuse: None,
                retries: 0,
                conflicts: 0,
            };
            self.numbers.insert(id, self.operations());
            self.rows.push_back(row);
        }
        let place = self.numbers.get(&id).and_then(|number| usize::try_from(number - self.let_go).ok());
        let place = place.unwrap_or(self.rows.len() - 1);
        let row = &mut self.rows[place];
        if repo.is_some() {
            row.repo = repo;
        }
        row
    }

    fn forget_oldest(&mut self) {
        if let Some(row) = self.rows.pop_front() {
            self.numbers.remove(&row.id);
            self.passing.let_go(row.task);
            self.passing.let_go(row.sandbox);
            self.let_go += 1;
        }
    }

    /// Puts a passing word into an operation's row.
    fn say(&mut self, id: Uuid, word: Option<&str>, place: fn(&mut Row) -> &mut Option<Arc<str>>) {
        let number = self.numbers.get(&id).and_then(|number| number.checked_sub(self.let_go));
        let row = number.and_then(|number| self.rows.get_mut(usize::try_from(number).ok()?));
        if let Some(row) = row {
            let before = std::mem::replace(place(row), self.passing.kept(word));
            self.passing.let_go(before);
        }
    }

    fn end(&mut self, id: Uuid, event: &Event, sandbox: Option<&str>, end: End) {
        let begun = begun_at(event, &end);
        let fresh = self.row(id).is_none();
        let row = self.opened(id, event);
        if fresh {
            row.requested_at = begun;
        }
        // The first outcome stands.
        row.end.get_or_insert(end);
        if sandbox.is_some() {
            self.say(id, sandbox, |row| &mut row.sandbox);
        }
    }

    fn failure(&mut self, data: &OperationFailed) -> Ended {
        let known = ERROR_TYPES.contains(&data.error_type.as_str());
        let error_type = self.names.number(if known { &data.error_type } else { OTHER });
        Ended::Failed { code: self.names.number(&data.code), error_type, side_effect: data.side_effect }
    }

    fn abandoned(&mut self, side_effect: SideEffect) -> Ended {
        Ended::Failed {
            code: self.names.number(ABANDONED),
            error_type: self.names.number(OTHER),
            side_effect,
        }
    }
}

/// When an operation began that is recorded whole in its outcome.
fn begun_at(event: &Event, end: &End) -> i64 {
    let took = i64::try_from(end.duration.unwrap_or(0)).unwrap_or(0);
    event.event.recorded_at.as_microsecond().saturating_sub(took)
}

#[cfg(test)]
mod tests {
    use gitledger_events::Stream;
    use gitledger_events::sandbox::{KillReason, Reuse, SandboxKilled};

    use super::names::WORDS_MAX;
    use super::*;
    use crate::cost::{NanoDollars, Prices};
    use crate::tests::given::{self, Ledger, at, id};

    #[test]
    fn where_an_operation_ran_and_what_it_cost_is_known_however_many_words_there_were() {
        let mut ledger = Ledger::default();
        let sandbox = Stream::sandbox("s-new").unwrap();
        ledger.add(sandbox.clone(), 0, "clone", "a1", given::created(9_000));
        ledger.add(sandbox.clone(), 0, "clone", "a1", given::leased(1, 1, 9_000, Reuse::New));
        ledger.add(sandbox.clone(), 3600, "clone", "a1", given::released(1, 1));
        let killed = SandboxKilled { reason: KillReason::Requested };
        ledger.add(sandbox, 3600, "clone", "a1", killed);
        let mut timeline = Timeline::default();
        for number in 0..WORDS_MAX {
            timeline.names.number(&number.to_string());
        }
        ledger.events.iter().for_each(|event| timeline.apply(event));
        let shown = timeline.listed(timeline.row(id(1)).unwrap());
        assert_eq!((shown.sandbox_id.as_str(), shown.task_id.as_str()), ("s-new", "t1"));
        assert!(timeline.cost_of(id(1), Prices::standard(), at(4000)) > NanoDollars::ZERO);
        timeline.forget_oldest();
        assert_eq!(format!("{:?}", timeline.passing), "Passing({})", "they go with the row");
    }
}
