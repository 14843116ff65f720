//! Whose time it was: every running microsecond belongs to one operation name and one agent.
//!
//! While a lease is held, the time is the leasing operation's; between leases it is `idle`. It is
//! always the agent's that last had the sandbox; before the first lease, the creator's.
//!
//! Time is given away at each event. Where the clocks of two writers to one sandbox's stream disagree, the
//! total differs from the metrics' by as much; the parts still add up to it.

use std::collections::BTreeMap;

use gitledger_events::{Event, Fact};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{NanoDollars, Price, ResourceTime, SandboxUsage};
use crate::running::{RunningClock, Span};
use crate::{Projection, bounded};

/// The "operation" of a sandbox that nobody holds.
pub const IDLE: &str = "idle";
/// The agent of those that did not name themselves.
pub const UNKNOWN_AGENT: &str = "unknown";
/// How many agents are told apart; the rest is `other`.
const MAX_AGENTS: usize = 10_000;

/// Usage by agent and by operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    total: ResourceTime,
    agents: BTreeMap<String, ResourceTime>,
    operations: BTreeMap<String, ResourceTime>,
    machines: BTreeMap<String, Machine>,
}

/// A running sandbox, and from when its time is not yet given to anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Machine {
    vcpu: u32,
    memory_mb: u32,
    clock: RunningClock,
    given_until: i64,
    agent: String,
    /// Operation and epoch of the lease that is held.
    holder: Option<(String, u64)>,
}

/// A price put on the usage. Each list adds up exactly to the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostReport {
    /// All of it.
    pub total: NanoDollars,
    /// By agent.
    pub agents: BTreeMap<String, NanoDollars>,
    /// By operation; `idle` is the time between leases.
    pub operations: BTreeMap<String, NanoDollars>,
}

impl Projection for Cost {
    const NAME: &'static str = "cost";
    const VERSION: u32 = 1;

    fn apply(&mut self, event: &Event) {
        let Some(id) = event.stream.sandbox_id() else { return };
        let agent = || event.event.actor.agent_id.clone().unwrap_or_else(|| UNKNOWN_AGENT.to_owned());
        if let Fact::SandboxCreated(created) = &event.event.fact {
            let (vcpu, memory_mb) = (created.vcpu, created.memory_mb);
            let fresh = Machine { vcpu, memory_mb, agent: agent(), ..Machine::default() };
            self.machines.entry(id.to_owned()).or_insert(fresh);
        }
        let Some(mut machine) = self.machines.remove(id) else { return };
        let running = machine.clock.open(event.event.recorded_at);
        if let Some(span) = machine.clock.apply(event).or(running) {
            self.give(&mut machine, span);
        }
        match &event.event.fact {
            Fact::SandboxLeased(leased) => {
                machine.agent = agent();
                let name = event.event.operation.clone().unwrap_or_else(|| bounded::OTHER.to_owned());
                machine.holder = Some((name, leased.epoch));
            }
            Fact::SandboxReleased(released) => {
                machine.holder = machine.holder.filter(|(_, epoch)| *epoch != released.epoch);
            }
            Fact::SandboxKilled(_) | Fact::SandboxExpired(_) | Fact::SandboxLost(_) => return,
            _ => {}
        }
        self.machines.insert(id.to_owned(), machine);
    }
}

impl Cost {
    /// The usage by `now` with a price on it.
    pub fn report(&self, price: &Price, now: Timestamp) -> CostReport {
        let mut all = self.clone();
        for mut machine in std::mem::take(&mut all.machines).into_values() {
            if let Some(span) = machine.clock.open(now) {
                all.give(&mut machine, span);
            }
        }
        let total = price.of(all.total);
        CostReport {
            total,
            agents: parts(&all.agents, total, price),
            operations: parts(&all.operations, total, price),
        }
    }

    /// Gives what is not yet given of a running span to whoever has the sandbox.
    fn give(&mut self, machine: &mut Machine, span: Span) {
        let rest = Span::new(span.from.max(machine.given_until), span.until);
        machine.given_until = machine.given_until.max(rest.until);
        let (vcpu, memory_mb) = (machine.vcpu, machine.memory_mb);
        let usage = SandboxUsage { vcpu, memory_mb, running_micros: rest.micros() }.into();
        let operation = machine.holder.as_ref().map_or(IDLE, |(name, _)| name);
        self.total += usage;
        *bounded::entry_within(&mut self.agents, &machine.agent, MAX_AGENTS) += usage;
        *bounded::entry(&mut self.operations, operation) += usage;
    }
}

/// The price of each part, the rounding given to the largest, so that they add up to the whole.
fn parts(
    usages: &BTreeMap<String, ResourceTime>,
    total: NanoDollars,
    price: &Price,
) -> BTreeMap<String, NanoDollars> {
    let mut parts: BTreeMap<_, _> =
        usages.iter().map(|(name, usage)| (name.clone(), price.of(*usage))).collect();
    let sum: NanoDollars = parts.values().copied().sum();
    if let Some(largest) = parts.values_mut().max() {
        *largest = (*largest + total).saturating_sub(sum);
    }
    parts
}
