//! Which sandboxes run, and how long each stretch was. Shared by every fold that counts running time.

use std::collections::BTreeMap;

use gitledger_events::{Event, Fact};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ResourceTime, SandboxUsage};
use crate::running::{RunningClock, Span};

/// The live sandboxes with their size; bounded by how many there are at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    machines: BTreeMap<String, Machine>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Machine {
    vcpu: u32,
    memory_mb: u32,
    clock: RunningClock,
}

/// A stretch of running time with the size of the sandbox that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metered {
    /// Virtual processors.
    pub vcpu: u32,
    /// Memory, in MiB.
    pub memory_mb: u32,
    /// When.
    pub span: Span,
}

impl Metered {
    /// The usage in the part of the stretch that lies within a span.
    pub fn usage_within(&self, span: Span) -> ResourceTime {
        self.usage_of(self.span.within(span).micros())
    }

    /// The usage of so many microseconds of it.
    pub fn usage_of(&self, running_micros: u64) -> ResourceTime {
        SandboxUsage { vcpu: self.vcpu, memory_mb: self.memory_mb, running_micros }.into()
    }

    /// The whole usage.
    pub fn usage(&self) -> ResourceTime {
        self.usage_within(self.span)
    }
}

impl Meter {
    /// Takes in an event; gives the stretch that it ended, if it ended one.
    pub fn apply(&mut self, event: &Event) -> Option<Metered> {
        let id = event.stream.sandbox_id()?;
        if let Fact::SandboxCreated(created) = &event.event.fact {
            let (vcpu, memory_mb) = (created.vcpu, created.memory_mb);
            self.machines.entry(id.to_owned()).or_insert(Machine {
                vcpu,
                memory_mb,
                clock: RunningClock::default(),
            });
        }
        let machine = self.machines.get_mut(id)?;
        let ended = machine.clock.apply(event);
        let metered = ended.map(|span| machine.metered(span));
        if matches!(event.event.fact, Fact::SandboxKilled(_) | Fact::SandboxExpired(_) | Fact::SandboxLost(_))
        {
            self.machines.remove(id);
        }
        metered
    }

    /// The stretches that are still open at `now`.
    pub fn open(&self, now: Timestamp) -> impl Iterator<Item = Metered> + use<'_> {
        self.machines
            .values()
            .filter_map(move |machine| machine.clock.open(now).map(|span| machine.metered(span)))
    }

    /// How many sandboxes run at `now`; paused and expired ones do not.
    pub fn running(&self, now: Timestamp) -> usize {
        self.machines.values().filter(|machine| machine.clock.runs(now)).count()
    }
}

impl Machine {
    fn metered(&self, span: Span) -> Metered {
        Metered { vcpu: self.vcpu, memory_mb: self.memory_mb, span }
    }
}
