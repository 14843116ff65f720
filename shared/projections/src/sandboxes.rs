//! All sandboxes: which are live, which can be used again, which were asked for and never heard of.

mod choice;
mod upkeep;

use std::collections::{BTreeMap, VecDeque};

use gitledger_events::{Event, Fact, Repo};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Projection;
use crate::sandbox_state::{Gone, OpenRequest, Phase, SandboxState};

pub use choice::{Candidate, Choice, choose};
pub use upkeep::{Due, Upkeep, due, pooled};

/// How many sandboxes that are gone are remembered by id, to say why one is not there any more.
pub const REMEMBERED: usize = 256;

/// The live sandboxes and the open requests; of the others only totals and the last few.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandboxes {
    live: BTreeMap<String, SandboxState>,
    requests: BTreeMap<Uuid, OpenRequest>,
    lately_gone: VecDeque<GoneSandbox>,
    totals: SandboxTotals,
}

/// What is remembered of a sandbox that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneSandbox {
    /// Its E2B id.
    pub id: String,
    /// Why.
    pub why: Gone,
    /// When that was recorded.
    pub at: Timestamp,
    /// How long it had run, in microseconds.
    pub ran_micros: u64,
}

/// All sandboxes there ever were, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxTotals {
    /// Created.
    pub created: u64,
    /// Killed by one of us.
    pub killed: u64,
    /// Ended by their time to live.
    pub expired: u64,
    /// Gone, and nobody here did it.
    pub lost: u64,
    /// The running time of those that are gone, in microseconds.
    pub ran_micros: u64,
}

/// What an operation needs of a sandbox.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// This repository must be in it.
    pub repo: &'a Repo,
    /// This agent must have had it last, or one that the policy says it trusts. Unknown equals unknown.
    pub agent_id: Option<&'a str>,
    /// A sandbox of the same task comes first. Unknown equals unknown.
    pub task_id: Option<&'a str>,
    /// The API key that made it; `None`: one that was made without a key. Never another's.
    pub key_id: Option<&'a str>,
    /// It must live at least until then.
    pub until: Timestamp,
}

impl Projection for Sandboxes {
    const NAME: &'static str = "sandboxes";
    const VERSION: u32 = 3;

    fn apply(&mut self, event: &Event) {
        match &event.event.fact {
            Fact::SandboxRequested(requested) => {
                self.forget_requests(event.event.recorded_at);
                let request = OpenRequest::new(requested, event);
                self.requests.insert(request.request_id, request);
            }
            fact if fact.is_outcome() => {
                let operation = event.event.correlation_id;
                for request in self.requests.values_mut().filter(|r| r.operation_id == operation) {
                    request.operation_ended = true;
                }
                // A read takes no lease, and is a use all the same.
                if let Some(state) = ran_in(fact).and_then(|id| self.live.get_mut(id)) {
                    state.used(event.event.recorded_at);
                }
            }
            fact => {
                if let Some(id) = event.stream.sandbox_id() {
                    self.apply_to_sandbox(id, fact, event);
                }
            }
        }
    }
}

impl Sandboxes {
    /// Running and paused sandboxes, by id.
    pub fn live(&self) -> impl Iterator<Item = &SandboxState> {
        self.live.values()
    }

    /// A live sandbox.
    pub fn get(&self, id: &str) -> Option<&SandboxState> {
        self.live.get(id)
    }

    /// Why a sandbox is not there any more, if it was one of the last [`REMEMBERED`].
    pub fn gone(&self, id: &str) -> Option<&GoneSandbox> {
        self.lately_gone.iter().rev().find(|gone| gone.id == id)
    }

    /// The counts.
    pub fn totals(&self) -> SandboxTotals {
        self.totals
    }

    /// Running sandboxes that nobody has used yet: no lease ever, no repository, no workspace.
    /// The oldest first, so that warm ones are used before they expire.
    pub fn warm(&self, template: &str, until: Timestamp, now: Timestamp) -> Vec<&SandboxState> {
        let mut found: Vec<_> = self.live().filter(|state| is_warm(state, template, until, now)).collect();
        found.sort_by_key(|state| (state.expires_at, state.id.clone()));
        found
    }

    /// Requests whose sandbox was never reported, the oldest first: E2B's own list is to be searched
    /// for them by metadata.
    pub fn open_requests(&self) -> Vec<&OpenRequest> {
        let mut open: Vec<_> = self.requests.values().collect();
        open.sort_by_key(|request| (request.requested_at, request.request_id));
        open
    }

    fn apply_to_sandbox(&mut self, id: &str, fact: &Fact, event: &Event) {
        if let Fact::SandboxCreated(created) = fact {
            self.totals.created += u64::from(!self.live.contains_key(id));
            self.requests.remove(&created.request_id);
            self.live.entry(id.to_owned()).or_default();
        }
        // A stream whose creation was never seen is not a sandbox that anybody could use.
        let Some(state) = self.live.get_mut(id) else { return };
        state.evolve(event);
        if matches!(state.phase, Phase::Gone(_)) {
            self.bury(id, event.event.recorded_at);
        }
    }

    fn bury(&mut self, id: &str, at: Timestamp) {
        let Some(SandboxState { id, phase: Phase::Gone(why), ran_micros, .. }) = self.live.remove(id) else {
            return;
        };
        match &why {
            Gone::Killed(_) => self.totals.killed += 1,
            Gone::Expired => self.totals.expired += 1,
            Gone::Lost(_) => self.totals.lost += 1,
        }
        self.totals.ran_micros = self.totals.ran_micros.saturating_add(ran_micros);
        self.lately_gone.push_back(GoneSandbox { id, why, at, ran_micros });
        if self.lately_gone.len() > REMEMBERED {
            self.lately_gone.pop_front();
        }
    }

    /// Forgets requests whose sandbox, if there was one, E2B has ended long ago (twice its life).
    fn forget_requests(&mut self, now: Timestamp) {
        self.requests.retain(|_, request| {
            let age = now.as_second().saturating_sub(request.requested_at.as_second());
            u64::try_from(age).unwrap_or(0) <= request.timeout_s.saturating_mul(2)
        });
    }
}

/// Whether it waits in the pool, made from this template, and lives at least until then.
fn is_warm(state: &SandboxState, template: &str, until: Timestamp, now: Timestamp) -> bool {
    state.runs(now)
        && state.waits_in_pool()
        && state.template == template
        && state.expires_at.is_some_and(|at| at >= until)
}

/// Where an operation ran that has ended.
fn ran_in(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::OperationSucceeded(done) => done.sandbox_id.as_deref(),
        Fact::OperationFailed(failed) => failed.sandbox_id.as_deref(),
        _ => None,
    }
}
