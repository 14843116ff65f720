//! From a ledger to the workload in it: what was asked for, freed of what the policy of the day made of it.

use std::collections::HashMap;

use gitledger_events::operation::Timing;
use gitledger_events::sandbox::{KillReason, Reuse, SandboxLeased};
use gitledger_events::{Actor, Event, Fact, Repo};
use uuid::Uuid;

use super::workload::{Ask, Place, Workload};
use crate::counting::{ABANDONED, HOUSEKEEPING, latency};

/// Failures that another policy might not have had.
const OF_THE_POLICY: [&str; 3] = ["sandbox-not-found", "sandbox-quota", "sandbox-lost"];

/// A workload that is being read. The system's own operations are left out: a simulation makes its own.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    drafts: Vec<Draft>,
    /// The operations by id.
    by_id: HashMap<Uuid, u32>,
    /// Which operation got a sandbox last.
    openers: HashMap<String, u32>,
    actors: Index<Actor>,
    repos: Index<Option<Repo>>,
    operations: Index<String>,
    creation: Vec<u64>,
    resume: Vec<u64>,
    newest: i64,
    oldest: i64,
}

#[derive(Clone, Debug)]
struct Draft {
    ask: Ask,
    end: i64,
    /// Making or waking its sandbox.
    extra: u64,
    reuse: Option<Reuse>,
    /// Its git time is not known.
    guess: bool,
    ended: bool,
}

/// Things numbered in the order in which they came.
#[derive(Clone, Debug)]
struct Index<T> {
    numbers: HashMap<T, u32>,
    all: Vec<T>,
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), all: Vec::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Index<T> {
    fn number(&mut self, one: &T) -> u32 {
        if let Some(number) = self.numbers.get(one) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(one.clone());
        self.numbers.insert(one.clone(), number);
        number
    }
}

impl Recording {
    /// Takes in the next event, in the ledger's order.
    pub fn apply(&mut self, event: &Event) {
        let at = event.event.recorded_at.as_microsecond();
        let stopping =
            matches!(&event.event.fact, Fact::SandboxKilled(killed) if killed.reason == KillReason::Shutdown);
        if !stopping {
            self.oldest = if self.newest == 0 { at } else { self.oldest.min(at) };
            self.newest = self.newest.max(at);
        }
        if event.stream.operation_id().is_some() {
            self.operation(event, at);
        } else {
            self.sandbox(event, at);
        }
    }

    /// The workload.
    pub fn finish(mut self) -> Workload {
        self.guess();
        let mut order: Vec<u32> = (0..).take(self.drafts.len()).collect();
        order.retain(|index| self.draft(*index).is_some_and(|draft| draft.ended));
        order.sort_by_key(|index| self.draft(*index).map(|draft| (draft.ask.at, *index)));
        let mut places = vec![None; self.drafts.len()];
        for (place, index) in (0u32..).zip(&order) {
            places[*index as usize] = Some(place);
        }
        let moved = |index: u32| places.get(index as usize).copied().flatten();
        let mut ends = Vec::with_capacity(order.len());
        let mut asks = Vec::with_capacity(order.len());
        for index in &order {
            let Some(draft) = self.draft(*index) else { continue };
            let mut ask = draft.ask;
            ask.place = match ask.place {
                Place::In(other) => moved(other).map_or(Place::Opens(false), Place::In),
                Place::Ends(other) => moved(other).map_or(Place::Nowhere, Place::Ends),
                place => place,
            };
            ask.had = draft.reuse.map(|reuse| (reuse, draft.extra));
            asks.push(ask);
            ends.push(draft.end);
        }
        self.creation.sort_unstable();
        self.resume.sort_unstable();
        let nowhere = Repo::from_parts("none", "none");
        let mut workload = Workload {
            asks,
            actors: self.actors.all,
            repos: self.repos.all.into_iter().map(|repo| repo.unwrap_or_else(|| nowhere.clone())).collect(),
            operations: self.operations.all,
            from: self.oldest,
            until: self.newest,
            creation: self.creation,
            resume: self.resume,
        };
        workload.chain(&ends);
        workload
    }

    fn draft(&self, index: u32) -> Option<&Draft> {
        self.drafts.get(index as usize)
    }

    fn of(&mut self, operation: Uuid) -> Option<&mut Draft> {
        let index = *self.by_id.get(&operation)?;
        self.drafts.get_mut(index as usize)
    }

    fn operation(&mut self, event: &Event, at: i64) {
        let Some(id) = event.stream.operation_id() else { return };
        let name = event.event.operation.as_deref().unwrap_or_default();
        if HOUSEKEEPING.contains(&name) {
            return;
        }
        if !self.by_id.contains_key(&id) {
            let Ok(index) = u32::try_from(self.drafts.len()) else { return };
            let ask = Ask {
                at,
                actor: self.actors.number(&event.event.actor),
                repo: self.repos.number(&event.event.repo),
                operation: u16::try_from(self.operations.number(&name.to_owned())).unwrap_or(u16::MAX),
                ..Ask::BLANK
            };
            let draft = Draft { ask, end: at, extra: 0, reuse: None, guess: false, ended: false };
            self.by_id.insert(id, index);
            self.drafts.push(draft);
        }
        match &event.event.fact {
            Fact::SandboxRequested(_) => {
                if let Some(draft) = self.of(id).filter(|draft| draft.ask.place == Place::Nowhere) {
                    draft.ask.place = Place::Opens(false);
                }
            }
            Fact::OperationSucceeded(done) => {
                self.ended(id, at, done.sandbox_id.as_deref(), &done.timing, None);
            }
            Fact::OperationFailed(failed) => {
                self.ended(id, at, failed.sandbox_id.as_deref(), &failed.timing, Some(&failed.code));
            }
            Fact::OperationAbandoned(_) => self.ended(id, at, None, &Timing::default(), Some(ABANDONED)),
            _ => {}
        }
    }

    fn ended(&mut self, id: Uuid, at: i64, ran_in: Option<&str>, timing: &Timing, code: Option<&str>) {
        let opener = ran_in.and_then(|sandbox| self.openers.get(sandbox).copied());
        let Some(draft) = self.of(id) else { return };
        let (all, git) = (timing.duration_ms.as_micros(), timing.git_ms.as_micros());
        let wait = timing.sandbox_wait_ms.as_micros();
        let ask = &mut draft.ask;
        if let (Place::Nowhere, Some(opener)) = (ask.place, opener) {
            ask.place = Place::In(opener);
        }
        ask.at = at.saturating_sub(i64::try_from(all).unwrap_or(0));
        ask.git = git;
        ask.other = all.saturating_sub(git).saturating_sub(wait);
        if wait >= draft.extra {
            ask.wait = wait - draft.extra;
        } else {
            // A read's wake is not told apart from the rest.
            (ask.wait, ask.other) = (0, ask.other.saturating_sub(draft.extra - wait));
        }
        ask.fails = code.is_some_and(|code| !OF_THE_POLICY.contains(&code));
        // A push that the reaper found done took nobody knows how long.
        draft.guess = code.map_or(latency(true, timing).is_none(), |code| OF_THE_POLICY.contains(&code));
        (draft.end, draft.ended) = (at, true);
    }

    fn sandbox(&mut self, event: &Event, at: i64) {
        let Some(sandbox) = event.stream.sandbox_id() else { return };
        let operation = event.event.correlation_id;
        match &event.event.fact {
            Fact::SandboxCreated(created) => {
                let micros = created.creation_ms.as_micros();
                self.creation.push(micros);
                // The pool's are made for nobody.
                if !event.event.actor.is_unknown() || event.event.repo.is_some() {
                    self.took(operation, micros);
                }
            }
            Fact::SandboxResumed(resumed) => {
                self.resume.push(resumed.resume_ms.as_micros());
                self.took(operation, resumed.resume_ms.as_micros());
            }
            Fact::SandboxLeased(leased) => self.leased(sandbox, leased, event, at),
            Fact::SandboxKilled(killed) if killed.reason == KillReason::Requested => {
                let opener = self.openers.get(sandbox).copied();
                if let (Some(opener), Some(draft)) = (opener, self.of(operation)) {
                    draft.ask.place = Place::Ends(opener);
                }
            }
            _ => {}
        }
    }

    fn took(&mut self, operation: Uuid, micros: u64) {
        if let Some(draft) = self.of(operation) {
            draft.extra += micros;
        }
    }

    fn leased(&mut self, sandbox: &str, leased: &SandboxLeased, event: &Event, at: i64) {
        let opener = self.openers.get(sandbox).copied();
        let Some(index) = self.by_id.get(&leased.operation_id).copied() else { return };
        let repo = self.repos.number(&event.event.repo);
        let Some(draft) = self.drafts.get_mut(index as usize) else { return };
        draft.ask.leases = true;
        draft.ask.lease = leased.until.as_microsecond().saturating_sub(at).unsigned_abs();
        match opener {
            Some(opener) if leased.reuse == Reuse::Named => draft.ask.place = Place::In(opener),
            _ => {
                draft.ask.place = Place::Opens(event.event.repo.is_none());
                draft.ask.repo = repo;
                draft.reuse = (leased.reuse != Reuse::Named).then_some(leased.reuse);
                self.openers.insert(sandbox.to_owned(), index);
            }
        }
    }

    /// An operation that found no sandbox, or whose time is not known, gets the middle git time of its kind, and a lock that was waited for is
    /// not waited for again: the simulation has its own.
    fn guess(&mut self) {
        let mut git: HashMap<u16, Vec<u64>> = HashMap::new();
        let mut waits: Vec<u64> = Vec::new();
        for draft in self.drafts.iter().filter(|draft| draft.ended) {
            if !draft.guess {
                git.entry(draft.ask.operation).or_default().push(draft.ask.git);
            }
            if matches!(draft.ask.place, Place::In(_)) && draft.ask.leases {
                waits.push(draft.ask.wait);
            }
        }
        let middle = |all: &mut Vec<u64>| {
            all.sort_unstable();
            all.get(all.len() / 2).copied().unwrap_or(0)
        };
        let usual = middle(&mut waits);
        let middles: HashMap<u16, u64> = git.iter_mut().map(|(name, all)| (*name, middle(all))).collect();
        for draft in &mut self.drafts {
            if draft.guess {
                draft.ask.git = middles.get(&draft.ask.operation).copied().unwrap_or(0);
            }
            if matches!(draft.ask.place, Place::In(_)) {
                draft.ask.wait = draft.ask.wait.min(usual.saturating_mul(4));
            }
        }
    }
}
