//! The sandboxes' running time, stretch by stretch, with whoever had it: what any window's cost is made of.

use std::collections::{BTreeMap, VecDeque};

use gitledger_events::Event;
use jiff::Timestamp;
use uuid::Uuid;

use super::ROWS_MAX;
use super::names::{Name, Names};
use crate::cost::attribution::Machine;
use crate::cost::report::CostFold;
use crate::cost::{Attribution, ResourceTime, Usage, Whose};
use crate::running::Span;

/// All stretches that ended, in the order of their recording, and the sandboxes that run. Whose time it was is told
/// by the same [`Attribution`] as everywhere.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    attribution: Attribution,
    ended: VecDeque<Run>,
}

/// A stretch that ended.
#[derive(Clone, Debug)]
struct Run {
    sandbox: Box<str>,
    machine: Machine,
    /// As it was settled.
    settled: Span,
    /// All of it divided: most windows have most stretches whole in them.
    whole: Vec<Part>,
}

/// What an agent's operations of one name used on one day.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Whose.
    pub agent: Name,
    /// For what.
    pub operation: Name,
    /// The day, since 1970, UTC.
    pub day: i64,
    /// How much.
    pub usage: ResourceTime,
}

/// A stretch, whoever had it.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'m> {
    /// When.
    pub span: Span,
    machine: &'m Machine,
}

impl Stretch<'_> {
    /// How much a microsecond of it is of each: running time, processors, memory.
    pub fn size(&self) -> ResourceTime {
        self.machine.usage(1)
    }
}

impl Runs {
    /// Takes in the next event.
    pub fn apply(&mut self, event: &Event, names: &mut Names) {
        let Self { attribution, ended } = self;
        attribution.follow(event, &mut |id, machine, settled| {
            let mut parts: BTreeMap<(Name, Name, i64), ResourceTime> = BTreeMap::new();
            machine.give(id, settled, CostFold::EVER, &mut |whose: Whose<'_>, day, usage: &Usage| {
                let key = (names.number(whose.agent), names.number(whose.operation), day);
                *parts.entry(key).or_default() += usage.sandboxes;
            });
            let part = |((agent, operation, day), usage)| Part { agent, operation, day, usage };
            let whole = parts.into_iter().map(part).collect();
            push(ended, Run { sandbox: id.into(), machine: machine.clone(), settled, whole });
        });
    }

    /// Every stretch, those that are open cut at `now`.
    pub fn all(&self, now: Timestamp) -> impl Iterator<Item = Stretch<'_>> {
        let ended = self.ended.iter().map(|run| (&run.machine, run.settled));
        let open = self.attribution.running(now).map(|(_, machine, span)| (machine, span));
        ended.chain(open).map(|(machine, span)| Stretch { span: machine.stretch(span), machine })
    }

    /// How many sandboxes run at an instant that no later event precedes.
    pub fn running(&self, now: Timestamp) -> usize {
        self.attribution.running(now).filter(|(_, machine, _)| machine.runs(now)).count()
    }

    /// What was used within a window, and by whom. An agent that only open stretches know has no number yet, and is
    /// told by name.
    pub fn within(
        &self,
        window: Span,
        now: Timestamp,
        names: &Names,
        take: &mut dyn FnMut(&str, &str, i64, ResourceTime),
    ) {
        let mut cut = |whose: Whose<'_>, day: i64, usage: &Usage| {
            take(whose.agent, whose.operation, day, usage.sandboxes);
        };
        self.attribution.open(now, window, &mut cut);
        for run in &self.ended {
            let span = run.machine.stretch(run.settled);
            let inside = span.within(window);
            if inside.micros() == 0 {
                continue;
            }
            if inside == span {
                for part in &run.whole {
                    take(names.word(part.agent), names.word(part.operation), part.day, part.usage);
                }
            } else {
                let mut cut = |whose: Whose<'_>, day: i64, usage: &Usage| {
                    take(whose.agent, whose.operation, day, usage.sandboxes);
                };
                run.machine.give(&run.sandbox, run.settled, window, &mut cut);
            }
        }
    }

    /// What one operation used of one sandbox, its share of the idle time included, by day.
    pub fn of_operation(&self, id: Uuid, sandbox: &str, now: Timestamp, take: &mut dyn FnMut(i64, &Usage)) {
        let ended = self.ended.iter().filter(|run| &*run.sandbox == sandbox);
        let ended = ended.map(|run| (&*run.sandbox, &run.machine, run.settled));
        let open = self.attribution.running(now).filter(|(open, ..)| *open == sandbox);
        for (sandbox, machine, span) in ended.chain(open) {
            machine.give(sandbox, span, CostFold::EVER, &mut |whose: Whose<'_>, day, usage: &Usage| {
                if whose.operation_id == Some(id) {
                    take(day, usage);
                }
            });
        }
    }
}

/// Adds to a list that has a limit; the oldest makes room.
pub(super) fn push<T>(list: &mut VecDeque<T>, item: T) {
    if list.len() >= ROWS_MAX {
        list.pop_front();
    }
    list.push_back(item);
}
