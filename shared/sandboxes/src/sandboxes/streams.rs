//! The folded streams of sandboxes, kept so that only their tails are read.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gitledger_events::{Fact, Stream};
use gitledger_ledger::{AppendError, Appended, Commit, Expected, LedgerError};

use super::{LeaseError, Sandboxes};
use crate::Origin;
use crate::lease_state::LeaseState;

/// More streams than any process here folds at a time; reached, they are read anew.
const KEPT_MAX: usize = 10_000;
/// Conflicts with others on one sandbox before an append is given up. Each means that somebody else got on.
const CONFLICTS_MAX: usize = 64;

/// By sandbox id. A state may be behind its stream, never ahead or wrong: an append by its version then
/// conflicts, and the tail is read.
#[derive(Debug, Default)]
pub(super) struct Streams(Mutex<HashMap<String, LeaseState>>);

impl Streams {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, LeaseState>> {
        // A panic elsewhere leaves a map that is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, sandbox_id: &str) -> LeaseState {
        self.lock().get(sandbox_id).cloned().unwrap_or_default()
    }

    fn keep(&self, sandbox_id: &str, state: &LeaseState) {
        let mut all = self.lock();
        if all.len() >= KEPT_MAX {
            all.clear();
        }
        // Two readers may come back in either order.
        let newer = all.get(sandbox_id).is_none_or(|kept| kept.version < state.version);
        if newer {
            all.insert(sandbox_id.to_owned(), state.clone());
        }
    }
}

impl Sandboxes {
    /// What the ledger says of a sandbox now.
    pub async fn state(&self, sandbox_id: &str) -> Result<LeaseState, LeaseError> {
        let stream = Stream::sandbox(sandbox_id).map_err(|_| LeaseError::NotFound)?;
        let mut state = self.streams.kept(sandbox_id);
        let tail = self.ledger.read_stream(&stream, state.version + 1).await?;
        for record in &tail {
            state.evolve(record).map_err(|error| LedgerError::Unreadable {
                position: record.version,
                reason: error.to_string(),
            })?;
        }
        if !tail.is_empty() {
            self.streams.keep(sandbox_id, &state);
        }
        Ok(state)
    }

    /// Appends what `decide` makes of the sandbox's state, and decides again when somebody else was
    /// faster. Nothing is appended when it decides for an error or for no facts.
    ///
    /// Tries what is remembered first, which saves a read, unless that leads to an error: that may be out
    /// of date.
    pub(super) async fn decide<T: Send>(
        &self,
        sandbox_id: &str,
        origin: &Origin,
        decide: impl Fn(&LeaseState) -> Result<(T, Vec<Fact>), LeaseError> + Send + Sync,
    ) -> Result<T, LeaseError> {
        let mut state = self.streams.kept(sandbox_id);
        let mut decided = decide(&state);
        if state.version == 0 || decided.as_ref().map_or(true, |(_, facts)| facts.is_empty()) {
            state = self.state(sandbox_id).await?;
            decided = decide(&state);
        }
        for _ in 0..CONFLICTS_MAX {
            let (answer, facts) = decided?;
            if facts.is_empty() {
                return Ok(answer);
            }
            match self.append(sandbox_id, origin, state, facts).await {
                Ok(_) => return Ok(answer),
                Err(AppendError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            state = self.state(sandbox_id).await?;
            decided = decide(&state);
        }
        Err(LedgerError::Engine(format!("{CONFLICTS_MAX} conflicts in a row on one sandbox")).into())
    }

    /// Appends facts behind a state, and remembers the new one.
    pub(super) async fn append(
        &self,
        sandbox_id: &str,
        origin: &Origin,
        mut state: LeaseState,
        facts: Vec<Fact>,
    ) -> Result<Appended, AppendError> {
        let stream = Stream::sandbox(sandbox_id)
            .map_err(|error| AppendError::Ledger(LedgerError::Engine(error.to_string())))?;
        let expected = if state.version == 0 { Expected::Empty } else { Expected::Version(state.version) };
        for fact in &facts {
            state.apply(fact, origin.repo.as_ref(), &origin.actor);
        }
        let events = facts.into_iter().map(|fact| origin.event(&*self.world, fact)).collect();
        let commit = Commit { id: self.world.id(), stream, expected, events };
        let appended = self.ledger.append(commit).await?;
        state.version = appended.version;
        self.streams.keep(sandbox_id, &state);
        Ok(appended)
    }
}
