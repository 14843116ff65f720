//! Whose it was: every running microsecond of every sandbox, and every event, belongs to one operation, and with it
//! to an agent, a task and a repository.
//!
//! Running time is told by the same clock as the metrics', stretch by stretch, so that the parts add up to what
//! the metrics say; [`super::claim`] divides a stretch. Prices come later.

use std::collections::BTreeMap;

use gitledger_events::{Actor, Event, Fact, Repo};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::claim::{Claim, days, shares};
use super::prices::day_of;
use super::{SandboxUsage, Usage};
use crate::running::{RunningClock, Span};

/// The "operation" of a sandbox that nobody has used.
pub const IDLE: &str = "idle";
/// The agent, task or repository of those that did not name one.
pub const UNKNOWN_AGENT: &str = "unknown";
/// So many claims of one stretch are kept; then what has passed is given away, and the stretch begins anew.
const CLAIMS_MAX: usize = 1000;

/// Whose something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose<'a> {
    /// The operation, where there is one.
    pub operation_id: Option<Uuid>,
    /// Its name, or [`IDLE`].
    pub operation: &'a str,
    /// The agent.
    pub agent: &'a str,
    /// The agent's task.
    pub task: &'a str,
    /// The repository.
    pub repo: &'a str,
    /// The sandbox; empty where it is none's.
    pub sandbox: &'a str,
}

/// What takes what is given: whose, on which day (since 1970, UTC), how much.
pub type Take<'t> = dyn FnMut(Whose<'_>, i64, &Usage) + 't;

/// What takes a stretch of running time that is settled: the sandbox's id, who had it, and when it was.
pub type Settled<'t> = dyn FnMut(&str, &Machine, Span) + 't;

/// The running sandboxes with the claims on their time; bounded by what is alive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    machines: BTreeMap<String, Machine>,
}

/// A sandbox in a stretch of its running time, and who had it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    vcpu: u32,
    memory_mb: u32,
    clock: RunningClock,
    /// Until when the running time has been given away, where a stretch was cut.
    given_until: i64,
    /// Who has it that nobody has used.
    creator: Claim,
    /// Of the running stretch, in the order in which they came.
    claims: Vec<Claim>,
    epoch: u64,
}

impl Attribution {
    /// Takes in the next event; gives what it settles and what it used itself.
    pub fn apply(&mut self, event: &Event, window: Span, take: &mut Take<'_>) {
        let at = event.event.recorded_at.as_microsecond();
        if (window.from..window.until).contains(&at) {
            take(Whose::of(event), day_of(at), &Usage::of_event(event));
        }
        self.follow(event, &mut |id, machine, span| machine.give(id, span, window, take));
    }

    /// Takes in the next event; hands out the stretch that it settles, to be given away later.
    pub fn follow(&mut self, event: &Event, settled: &mut Settled<'_>) {
        match event.stream.sandbox_id() {
            Some(id) => self.apply_to_sandbox(id, event, settled),
            None => self.read(event),
        }
    }

    /// The stretches that are open at `now`, as if they ended then.
    pub fn running(&self, now: Timestamp) -> impl Iterator<Item = (&str, &Machine, Span)> {
        self.machines
            .iter()
            .filter_map(move |(id, machine)| machine.clock.open(now).map(|span| (id.as_str(), machine, span)))
    }

    /// Gives what running sandboxes have used up to `now`, as if it ended then.
    pub fn open(&self, now: Timestamp, window: Span, take: &mut Take<'_>) {
        self.running(now).for_each(|(id, machine, span)| machine.give(id, span, window, take));
    }

    fn apply_to_sandbox(&mut self, id: &str, event: &Event, settled: &mut Settled<'_>) {
        if let Fact::SandboxCreated(created) = &event.event.fact {
            let fresh = || Machine {
                vcpu: created.vcpu,
                memory_mb: created.memory_mb,
                clock: RunningClock::default(),
                given_until: i64::MIN,
                creator: Claim { operation: IDLE.to_owned(), ..claim(event, None) },
                claims: Vec::new(),
                epoch: 0,
            };
            self.machines.entry(id.to_owned()).or_insert_with(fresh);
        }
        let Some(machine) = self.machines.get_mut(id) else { return };
        let at = event.event.recorded_at.as_microsecond();
        // A lease that is taken or given back together with the stretch's end counts in it.
        match &event.event.fact {
            Fact::SandboxLeased(leased) => {
                machine.release(at);
                let mut taken = claim(event, machine.repo());
                taken.operation_id = Some(leased.operation_id);
                taken.until = leased.until.as_microsecond();
                taken.held = true;
                machine.epoch = leased.epoch;
                machine.claims.push(taken);
            }
            Fact::SandboxReleased(released) if released.epoch == machine.epoch => machine.release(at),
            _ => {}
        }
        if let Some(span) = machine.clock.apply(event) {
            settled(id, machine, span);
            machine.forget();
        } else if machine.claims.len() >= CLAIMS_MAX
            && let Some(span) = machine.clock.open(event.event.recorded_at)
        {
            settled(id, machine, span);
            machine.forget();
            machine.given_until = machine.given_until.max(span.until);
        }
        if matches!(event.event.fact, Fact::SandboxKilled(_) | Fact::SandboxExpired(_) | Fact::SandboxLost(_))
        {
            self.machines.remove(id);
        }
    }

    /// A read takes no lease; its outcome says where it ran and for how long.
    fn read(&mut self, event: &Event) {
        let (sandbox, timing) = match &event.event.fact {
            Fact::OperationSucceeded(done) => (done.sandbox_id.as_deref(), done.timing),
            Fact::OperationFailed(failed) => (failed.sandbox_id.as_deref(), failed.timing),
            _ => return,
        };
        let Some(machine) = sandbox.and_then(|id| self.machines.get_mut(id)) else { return };
        let operation_id = event.stream.operation_id();
        let micros = i64::try_from(timing.git_ms.as_micros()).unwrap_or(i64::MAX);
        if micros == 0 || machine.claims.iter().rev().any(|claim| claim.operation_id == operation_id) {
            return;
        }
        let mut read = claim(event, machine.repo());
        read.from = read.until.saturating_sub(micros);
        machine.claims.push(read);
    }
}

impl Machine {
    fn repo(&self) -> Option<&str> {
        let known = self.claims.last().unwrap_or(&self.creator);
        (known.repo != UNKNOWN_AGENT).then_some(&known.repo)
    }

    fn release(&mut self, at: i64) {
        for claim in self.claims.iter_mut().filter(|claim| claim.held) {
            claim.held = false;
            claim.until = claim.until.min(at).max(claim.from);
        }
    }

    /// What of a running span has not been given away before.
    pub fn stretch(&self, span: Span) -> Span {
        Span::new(span.from.max(self.given_until), span.until)
    }

    /// So many microseconds of this sandbox.
    pub fn usage(&self, running_micros: u64) -> super::ResourceTime {
        SandboxUsage { vcpu: self.vcpu, memory_mb: self.memory_mb, running_micros }.into()
    }

    /// Whether it runs at `now`: not paused, not gone, not past its expiry.
    pub fn runs(&self, now: Timestamp) -> bool {
        self.clock.runs(now)
    }

    /// Forgets who had a stretch that is settled, but for who still has it.
    fn forget(&mut self) {
        if let Some(last) = self.claims.last() {
            // What comes before the next claim is still for whoever was last here.
            self.creator = Claim { operation: IDLE.to_owned(), ..last.clone() };
        }
        self.claims.retain(|claim| claim.held);
    }

    /// Gives the part of a running span that is within a window to whoever had it.
    pub fn give(&self, id: &str, span: Span, window: Span, take: &mut Take<'_>) {
        let span = self.stretch(span);
        let used = |running_micros| Usage::from(self.usage(running_micros));
        if self.claims.is_empty() {
            return days(span, window)
                .for_each(|(day, micros)| take(self.creator.whose(id), day, &used(micros)));
        }
        for ((claim, day), micros) in shares(&self.claims, span, window) {
            take(self.claims[claim].whose(id), day, &used(micros));
        }
    }
}

impl<'a> Whose<'a> {
    /// Whose an event is.
    pub fn of(event: &'a Event) -> Self {
        let actor = &event.event.actor;
        Self {
            operation_id: Some(event.event.correlation_id),
            operation: event.event.operation.as_deref().unwrap_or(IDLE),
            agent: agent(actor),
            task: task(actor),
            repo: event.event.repo.as_ref().map_or(UNKNOWN_AGENT, Repo::as_str),
            sandbox: event.stream.sandbox_id().unwrap_or_default(),
        }
    }
}

/// A claim of the event's operation, from the event on and for no time yet.
fn claim(event: &Event, repo: Option<&str>) -> Claim {
    let whose = Whose::of(event);
    let at = event.event.recorded_at.as_microsecond();
    let repo = if whose.repo == UNKNOWN_AGENT { repo.unwrap_or(UNKNOWN_AGENT) } else { whose.repo };
    Claim {
        operation_id: whose.operation_id,
        operation: whose.operation.to_owned(),
        agent: whose.agent.to_owned(),
        task: whose.task.to_owned(),
        repo: repo.to_owned(),
        from: at,
        until: at,
        held: false,
    }
}

fn agent(actor: &Actor) -> &str {
    actor.agent_id.as_deref().unwrap_or(UNKNOWN_AGENT)
}

fn task(actor: &Actor) -> &str {
    actor.task_id.as_deref().unwrap_or(UNKNOWN_AGENT)
}
