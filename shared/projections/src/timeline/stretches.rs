//! The sandboxes' running time, stretch by stretch: each belongs to one sandbox, one agent and, while a lease is
//! held, one operation.

use std::collections::{BTreeMap, VecDeque};

use gitledger_events::{Event, Fact};
use jiff::Timestamp;
use uuid::Uuid;

use super::ROWS_MAX;
use super::names::{Name, Names};
use crate::bounded::OTHER;
use crate::cost::attribution::{IDLE, UNKNOWN_AGENT};
use crate::cost::{ResourceTime, SandboxUsage};
use crate::running::{RunningClock, Span};

/// Running time that belongs to the same operation and agent.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// When.
    pub span: Span,
    /// The sandbox's processors.
    pub vcpu: u32,
    /// The sandbox's memory, in MiB.
    pub memory_mb: u32,
    /// Whose time it was.
    pub agent: Name,
    /// The operation's name; `idle` between leases.
    pub operation: Name,
    /// The operation; `None` between leases.
    pub operation_id: Option<Uuid>,
}

/// All stretches that ended, in the order of their recording, and the sandboxes that run.
#[derive(Clone, Debug, Default)]
pub struct Stretches {
    ended: VecDeque<Stretch>,
    /// Whole runs, from creation or resume to pause or end, whoever had the sandbox.
    runs: VecDeque<Span>,
    machines: BTreeMap<String, Machine>,
}

#[derive(Clone, Debug, Default)]
struct Machine {
    vcpu: u32,
    memory_mb: u32,
    clock: RunningClock,
    given_until: i64,
    agent: Name,
    holder: Option<Holder>,
}

#[derive(Clone, Copy, Debug)]
struct Holder {
    operation: Name,
    id: Uuid,
    epoch: u64,
}

impl Stretch {
    /// What of it is within a span.
    pub fn usage_within(&self, span: Span) -> ResourceTime {
        let running_micros = self.span.within(span).micros();
        SandboxUsage { vcpu: self.vcpu, memory_mb: self.memory_mb, running_micros }.into()
    }
}

impl Stretches {
    /// Takes in an event of a sandbox's stream.
    pub fn apply(&mut self, event: &Event, names: &mut Names) {
        let Some(id) = event.stream.sandbox_id() else { return };
        let agent = event.event.actor.agent_id.as_deref().unwrap_or(UNKNOWN_AGENT);
        if let Fact::SandboxCreated(created) = &event.event.fact {
            let (vcpu, memory_mb) = (created.vcpu, created.memory_mb);
            let fresh = Machine { vcpu, memory_mb, agent: names.number(agent), ..Machine::default() };
            self.machines.entry(id.to_owned()).or_insert(fresh);
        }
        let Some(mut machine) = self.machines.remove(id) else { return };
        let running = machine.clock.open(event.event.recorded_at);
        let ended = machine.clock.apply(event);
        if let Some(run) = ended {
            push(&mut self.runs, run);
        }
        if let Some(stretch) = ended.or(running).and_then(|span| machine.give(span, names)) {
            push(&mut self.ended, stretch);
        }
        match &event.event.fact {
            Fact::SandboxLeased(leased) => {
                machine.agent = names.number(agent);
                let operation = names.number(event.event.operation.as_deref().unwrap_or(OTHER));
                machine.holder = Some(Holder { operation, id: leased.operation_id, epoch: leased.epoch });
            }
            Fact::SandboxReleased(released) => {
                machine.holder = machine.holder.filter(|holder| holder.epoch != released.epoch);
            }
            Fact::SandboxKilled(_) | Fact::SandboxExpired(_) | Fact::SandboxLost(_) => return,
            _ => {}
        }
        self.machines.insert(id.to_owned(), machine);
    }

    /// Every stretch, those that are open cut at `now`.
    pub fn all<'s>(&'s self, now: Timestamp, names: &'s Names) -> impl Iterator<Item = Stretch> + 's {
        let open =
            self.machines.values().filter_map(move |machine| machine.rest(machine.clock.open(now)?, names));
        self.ended.iter().copied().chain(open)
    }

    /// Every run, those that are open cut at `now`.
    pub fn runs(&self, now: Timestamp) -> impl Iterator<Item = Span> + '_ {
        let open = self.machines.values().filter_map(move |machine| machine.clock.open(now));
        self.runs.iter().copied().chain(open)
    }

    /// How many sandboxes run at an instant that no later event precedes.
    pub fn running(&self, now: Timestamp) -> usize {
        self.machines.values().filter(|machine| machine.clock.runs(now)).count()
    }
}

impl Machine {
    /// What is not yet given away of a running span.
    fn rest(&self, span: Span, names: &Names) -> Option<Stretch> {
        let span = Span::new(span.from.max(self.given_until), span.until);
        let idle = || names.find(IDLE).unwrap_or_default();
        (span.micros() > 0).then(|| Stretch {
            span,
            vcpu: self.vcpu,
            memory_mb: self.memory_mb,
            agent: self.agent,
            operation: self.holder.map_or_else(idle, |holder| holder.operation),
            operation_id: self.holder.map(|holder| holder.id),
        })
    }

    fn give(&mut self, span: Span, names: &Names) -> Option<Stretch> {
        let stretch = self.rest(span, names)?;
        self.given_until = self.given_until.max(stretch.span.until);
        Some(stretch)
    }
}

/// Adds to a list that has a limit; the oldest makes room.
pub(super) fn push<T>(list: &mut VecDeque<T>, item: T) {
    if list.len() >= ROWS_MAX {
        list.pop_front();
    }
    list.push_back(item);
}
