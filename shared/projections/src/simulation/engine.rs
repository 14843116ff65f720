//! The simulation: a queue of what happens next, and what it leads to.

mod clock;
mod machine;
mod operations;
mod pool;
mod upkeep;

use std::collections::HashMap;

use gitledger_events::sandbox::Reuse;

use self::clock::{Clock, Step};
use self::machine::Machine;
use super::chance::Chance;
use super::latency::Latency;
use super::outcome::Outcome;
use super::setting::Setting;
use super::workload::{Place, Workload};
use crate::cost::ResourceTime;

/// The template of every simulated sandbox.
const TEMPLATE: &str = "simulated";

/// Runs a workload under a setting, to its last operation.
///
/// The same workload, setting and seed give the same outcome.
pub fn simulate(workload: &Workload, setting: &Setting) -> Outcome {
    let mut engine = Engine::new(workload, setting);
    engine.begin();
    while let Some((at, step)) = engine.clock.next() {
        engine.now = at;
        // What nobody asked for goes on for ever; when all operations have ended, so does the simulation.
        if engine.left == 0 && at > engine.workload.until {
            break;
        }
        engine.step(step);
    }
    engine.end()
}

struct Engine<'w> {
    workload: &'w Workload,
    setting: &'w Setting,
    chance: Chance,
    creation: Latency,
    resume: Latency,
    clock: Clock,
    now: i64,
    machines: Vec<Machine>,
    /// By operation: the machine it got.
    got: Vec<Option<u32>>,
    /// By operation: when it arrived.
    arrived: Vec<i64>,
    /// By operation: the first that waits for its end, and by that one the next that does.
    first_after: Vec<Option<u32>>,
    next_after: Vec<Option<u32>>,
    /// Where a sandbox of a repository and agent may be found: a superset, the policy's code looks itself.
    homes: HashMap<(u32, u32), Vec<u32>>,
    warm: Vec<u32>,
    /// Agents by number, for `homes`: actors with the same agent share one.
    agent_of: Vec<u32>,
    git: GitTimes,
    running: u32,
    creating: u32,
    /// Pool sandboxes on their way.
    stocking: u32,
    /// When the pool is looked at next.
    fill_at: Option<i64>,
    left: usize,
    outcome: Outcome,
    /// Running time so far.
    usage: ResourceTime,
}

/// Git times by operation, where a working copy was there and where it was not.
#[derive(Default)]
struct GitTimes {
    with: HashMap<u16, Vec<u64>>,
    without: HashMap<u16, Vec<u64>>,
}

impl<'w> Engine<'w> {
    fn new(workload: &'w Workload, setting: &'w Setting) -> Self {
        let count = workload.asks.len();
        let mut git = GitTimes::default();
        let mut first_after = vec![None; count];
        let mut next_after = vec![None; count];
        for (index, ask) in (0u32..).zip(&workload.asks) {
            if let Some(before) = ask.after.and_then(|before| first_after.get_mut(before as usize)) {
                next_after[index as usize] = before.replace(index);
            }
            if let (Place::Opens(_), Some((reuse, _)), false) = (ask.place, ask.had, ask.fails) {
                let there = matches!(reuse, Reuse::Ready | Reuse::Paused);
                let times = if there { &mut git.with } else { &mut git.without };
                times.entry(ask.operation).or_default().push(ask.git);
            }
        }
        let mut agents: HashMap<Option<&str>, u32> = HashMap::new();
        let mut agent_of = Vec::with_capacity(workload.actors.len());
        for actor in &workload.actors {
            let next = u32::try_from(agents.len()).unwrap_or(u32::MAX);
            agent_of.push(*agents.entry(actor.agent_id.as_deref()).or_insert(next));
        }
        Self {
            workload,
            setting,
            chance: Chance::new(setting.seed),
            creation: setting.creation(workload),
            resume: setting.resume(workload),
            clock: Clock::default(),
            now: workload.from,
            machines: Vec::new(),
            got: vec![None; count],
            arrived: vec![0; count],
            first_after,
            next_after,
            homes: HashMap::new(),
            warm: Vec::new(),
            agent_of,
            git,
            running: 0,
            creating: 0,
            stocking: 0,
            fill_at: None,
            left: count,
            outcome: Outcome::default(),
            usage: ResourceTime::ZERO,
        }
    }

    fn begin(&mut self) {
        for (index, ask) in (0u32..).zip(&self.workload.asks) {
            if ask.after.is_none() {
                self.clock.at(ask.at, Step::Arrives(index));
            }
        }
        self.look_at_pool(self.workload.from);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Arrives(ask) => self.arrives(ask),
            Step::Made(ask) => self.made(ask),
            Step::Woken(ask, machine) => self.woken(ask, machine),
            Step::Done(ask) => self.done(ask),
            Step::Look(machine) => self.look(machine),
            Step::Expires(machine) => self.expires(machine),
            Step::Fill => self.fill(),
            Step::Stocked => self.stocked(),
        }
    }

    fn end(mut self) -> Outcome {
        let end = self.workload.until.max(self.workload.from);
        for machine in 0..self.machines.len() {
            self.close(u32::try_from(machine).unwrap_or(u32::MAX), end.max(self.now.min(end)));
        }
        self.outcome.usage = self.usage;
        self.outcome.span = end.abs_diff(self.workload.from);
        self.outcome
    }

    /// One more runs.
    fn started(&mut self) {
        self.running += 1;
        if self.running > self.outcome.peak {
            (self.outcome.peak, self.outcome.peak_at) = (self.running, self.now);
        }
    }

    /// Whether one more may run.
    fn may_start(&self) -> bool {
        self.setting.limit == 0 || self.running + self.creating + self.stocking < self.setting.limit
    }

    /// The running time of a machine up to now is counted.
    fn close(&mut self, machine: u32, at: i64) {
        let Some(machine) = self.machines.get_mut(machine as usize) else { return };
        let Some(since) = machine.runs_since.take() else { return };
        let micros = u128::from(at.saturating_sub(since).max(0).unsigned_abs());
        self.usage += ResourceTime {
            running_micros: micros,
            vcpu_micros: micros * u128::from(self.setting.vcpu),
            mib_micros: micros * u128::from(self.setting.memory_mb),
        };
    }

    /// A machine stops running, whatever becomes of it.
    fn stopped(&mut self, machine: u32) {
        if self.machines.get(machine as usize).is_some_and(|machine| machine.runs_since.is_some()) {
            self.running = self.running.saturating_sub(1);
            self.close(machine, self.now);
        }
    }
}
