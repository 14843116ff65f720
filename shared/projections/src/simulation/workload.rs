//! What is asked for, whoever answers it: operations with their agents, repositories, git times and pauses.

use gitledger_events::sandbox::Reuse;
use gitledger_events::{Actor, Repo};

/// Operations in the order in which they were asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// The operations.
    pub asks: Vec<Ask>,
    /// Who asks.
    pub actors: Vec<Actor>,
    /// About which repositories.
    pub repos: Vec<Repo>,
    /// The operations' names.
    pub operations: Vec<String>,
    /// When it begins, in microseconds since 1970.
    pub from: i64,
    /// When it ends, whatever is still alive.
    pub until: i64,
    /// How long sandboxes took to be made, in microseconds.
    pub creation: Vec<u64>,
    /// How long they took to wake.
    pub resume: Vec<u64>,
}

/// One operation. Times are in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// When it was asked for.
    pub at: i64,
    /// The one that the agent waited for before, if it did.
    pub after: Option<u32>,
    /// How long it thought after that.
    pub think: u64,
    /// Who asks, an index into [`Workload::actors`].
    pub actor: u32,
    /// About what, an index into [`Workload::repos`].
    pub repo: u32,
    /// Its name, an index into [`Workload::operations`].
    pub operation: u16,
    /// Where it runs.
    pub place: Place,
    /// It has the sandbox for itself; reads do not.
    pub leases: bool,
    /// It fails whatever the sandbox does.
    pub fails: bool,
    /// In the sandbox, running git.
    pub git: u64,
    /// The same where its working copy is there already, if that is known; else one like it is taken.
    pub fetch: Option<u64>,
    /// All else but waiting for a sandbox.
    pub other: u64,
    /// Waiting for its sandbox, without making or waking one.
    pub wait: u64,
    /// How its sandbox was had, and how long making or waking it took, where that is known.
    pub had: Option<(Reuse, u64)>,
    /// How long its lease may last.
    pub lease: u64,
}

/// Where an operation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In none.
    Nowhere,
    /// In any that the policy finds, else in a new one; `true`: only in one that nobody has used.
    Opens(bool),
    /// In the one that an earlier operation got.
    In(u32),
    /// It ends the one that an earlier operation got.
    Ends(u32),
}

impl Ask {
    /// Nothing yet; to be filled.
    pub const BLANK: Self = Self {
        at: 0,
        after: None,
        think: 0,
        actor: 0,
        repo: 0,
        operation: 0,
        place: Place::Nowhere,
        leases: false,
        fails: false,
        git: 0,
        fetch: None,
        other: 0,
        wait: 0,
        had: None,
        lease: 120_000_000,
    };
}

impl Workload {
    /// How many distinct agents.
    pub fn agents(&self) -> usize {
        let mut agents: Vec<_> = self.actors.iter().map(|actor| actor.agent_id.as_deref()).collect();
        agents.sort_unstable();
        agents.dedup();
        agents.len()
    }

    /// How long, in days.
    #[allow(clippy::cast_precision_loss)] // for display and scaling
    pub fn days(&self) -> f64 {
        self.until.saturating_sub(self.from) as f64 / 8.64e10
    }

    /// Closes the loops: an operation that was asked for after the agent's last one had ended waits for it.
    /// `ends`: when each ended.
    pub fn chain(&mut self, ends: &[i64]) {
        let mut last: std::collections::BTreeMap<Option<String>, u32> = std::collections::BTreeMap::new();
        for number in 0..self.asks.len() {
            let Some(index) = u32::try_from(number).ok() else { return };
            let ask = self.asks[number];
            let agent = self.actors.get(ask.actor as usize).and_then(|actor| actor.agent_id.clone());
            let before = agent.is_some().then(|| last.get(&agent).copied()).flatten();
            let end = |index: u32| ends.get(index as usize).copied().unwrap_or(i64::MAX);
            if let Some(before) = before.filter(|before| end(*before) <= ask.at) {
                self.asks[number].after = Some(before);
                self.asks[number].think = ask.at.abs_diff(end(before));
            }
            // The one that ends last is the one that the agent waits for.
            if before.is_none_or(|before| end(before) <= end(index)) {
                last.insert(agent, index);
            }
        }
    }
}
