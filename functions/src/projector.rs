//! The projector: keeps the projections up to date with the ledger, state and position in one write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex as PlainMutex, PoisonError};

use gitledger_events::Event;
use gitledger_ledger::{Decoded, Ledger, LedgerError, Position, ProjectionKey, SavedProjection};
use gitledger_projections::metrics::Metrics;
use gitledger_projections::recent::RecentOperations;
use gitledger_projections::{OpenOperations, Projection, Sandboxes, Summary};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};

/// How many events are read at once.
const CHUNK: usize = 5000;
/// So many chunks are folded before they are saved: who is ended in the midst of millions does not begin anew.
const CHUNKS_SAVED: usize = 20;

/// Everything that the events add up to, folded in one pass.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Folded {
    /// Everything up to here is in it.
    #[serde(skip)]
    pub position: Position,
    /// Counters, gauges, histograms, cost.
    pub metrics: Metrics,
    /// The live sandboxes.
    pub sandboxes: Sandboxes,
    /// Operations without an outcome.
    pub open: OpenOperations,
    /// The newest operations.
    pub recent: RecentOperations,
    /// Per operation: counts, failures, percentiles.
    pub summary: Summary,
    /// The positions of events that could not be folded and are not in it. Saved with it, so that no crash makes
    /// one of them be forgotten or counted twice.
    pub skipped: BTreeSet<u64>,
}

impl Projection for Folded {
    const NAME: &'static str = "folded";
    // Another whenever any part's fold or shape is another; each part has up to 99 versions.
    const VERSION: u32 = Metrics::VERSION
        + 100
            * (Sandboxes::VERSION
                + 100 * (OpenOperations::VERSION + 100 * (Summary::VERSION + RecentOperations::VERSION)));

    fn apply(&mut self, event: &Event) {
        self.metrics.apply(event);
        self.sandboxes.apply(event);
        self.open.apply(event);
        self.summary.apply(event);
        self.recent.apply(event);
    }
}

/// Under which name and version the state is saved.
pub const KEY: ProjectionKey = ProjectionKey { name: Folded::NAME, version: Folded::VERSION };

/// The projector of one process. Reading is catching up: whoever looks sees every event that is durable
/// at that moment.
pub struct Projector {
    ledger: Arc<dyn Ledger>,
    folded: Mutex<Folded>,
    saved: Mutex<Saved>,
    /// Why which events could not be folded, until that is in the ledger. Looking writes nothing: most functions may
    /// read the ledger and not write to its projections.
    aside: PlainMutex<BTreeMap<Position, String>>,
}

/// What is in the ledger.
#[derive(Clone, Copy)]
struct Saved {
    position: Position,
    /// Ours is another one of the same position.
    replaced: bool,
}

impl Projector {
    /// Takes up the saved state, or starts from the first event. So it does when an event that was parked can be
    /// read by now: it has its place among the others, and cannot be added at the end.
    pub async fn load(ledger: Arc<dyn Ledger>) -> Result<Self, LedgerError> {
        let stored = ledger.load_projection(&KEY).await?;
        let position = stored.as_ref().map_or(Position::START, |saved| saved.position);
        let taken_up = stored.as_ref().and_then(taken_up);
        let cured = match &taken_up {
            Some(folded) => is_cured(ledger.as_ref(), &folded.skipped).await?,
            None => false,
        };
        let folded = match taken_up {
            Some(old) if cured => from_the_start(&old),
            Some(folded) => folded,
            None => Folded::default(),
        };
        let saved = Saved { position, replaced: cured };
        Ok(Self {
            ledger,
            folded: Mutex::new(folded),
            saved: Mutex::new(saved),
            aside: PlainMutex::default(),
        })
    }

    /// The state with everything folded in that the ledger holds now.
    pub async fn caught_up(&self) -> Result<MutexGuard<'_, Folded>, LedgerError> {
        let mut folded = self.folded.lock().await;
        while self.fold_chunk(&mut folded).await? {}
        Ok(folded)
    }

    /// Folds the next chunk in; false when there is none.
    async fn fold_chunk(&self, folded: &mut Folded) -> Result<bool, LedgerError> {
        let page = self.ledger.read_events(folded.position, CHUNK).await?;
        let found = !page.is_empty();
        for next in page {
            self.take(folded, next);
        }
        Ok(found)
    }

    /// Folds everything again from the first event, also what was parked.
    pub async fn rebuild(&self) -> Result<(), LedgerError> {
        loop {
            {
                let mut folded = self.folded.lock().await;
                *folded = from_the_start(&folded);
                self.saved.lock().await.replaced = true;
            }
            // Else another has saved in between, and what he has is taken up.
            if self.save().await? {
                return Ok(());
            }
        }
    }

    /// Folds one event in; one that cannot be read is put aside and passed over.
    fn take(&self, folded: &mut Folded, next: Decoded) {
        let Decoded { position, event } = next;
        match event {
            Ok(event) => folded.apply(&event),
            Err(reason) => {
                tracing::error!(%position, %reason, "event put aside");
                self.aside().insert(position, reason);
                folded.skipped.insert(position.as_u64());
            }
        }
        folded.position = position;
    }

    fn aside(&self) -> std::sync::MutexGuard<'_, BTreeMap<Position, String>> {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parks what was put aside. Before the state is saved that has passed over it: after a crash in between it is
    /// parked once more, which is nothing.
    async fn park(&self) -> Result<(), LedgerError> {
        let aside = self.aside().clone();
        for (position, reason) in aside {
            self.ledger.park(&KEY, position, &reason).await?;
            self.aside().remove(&position);
        }
        Ok(())
    }

    /// Saves state and position in one write. `false`: another projector saved in between; its state is taken up,
    /// and what is missing is folded in again.
    pub async fn save(&self) -> Result<bool, LedgerError> {
        loop {
            let (ended, stood) = self.save_some().await?;
            if ended || !stood {
                return Ok(stood);
            }
        }
    }

    /// Folds some chunks and saves: whether that was all, and whether nobody else has saved in between.
    async fn save_some(&self) -> Result<(bool, bool), LedgerError> {
        let mut folded = self.folded.lock().await;
        let mut ended = false;
        for _ in 0..CHUNKS_SAVED {
            ended = !self.fold_chunk(&mut folded).await?;
            if ended {
                break;
            }
        }
        let saved = *self.saved.lock().await;
        if !ended && saved.replaced && folded.position < saved.position {
            // What is whole stands until what replaces it is.
            return Ok((false, true));
        }
        Ok((ended, self.store(&mut folded).await?))
    }

    async fn store(&self, folded: &mut Folded) -> Result<bool, LedgerError> {
        let mut saved = self.saved.lock().await;
        if saved.position == folded.position && !saved.replaced {
            return Ok(true);
        }
        self.park().await?;
        let state = folded.to_bytes().map_err(|error| LedgerError::Engine(error.to_string()))?;
        let position = folded.position;
        if self.ledger.save_projection(&KEY, saved.position, SavedProjection { position, state }).await? {
            *saved = Saved { position, replaced: false };
            return Ok(true);
        }
        let stored = self.ledger.load_projection(&KEY).await?;
        saved.position = stored.as_ref().map_or(Position::START, |stored| stored.position);
        if let Some(mut theirs) = stored.as_ref().and_then(taken_up) {
            theirs.metrics.raise(folded.metrics.shown());
            *folded = theirs;
        }
        Ok(false)
    }
}

/// A saved state; one that cannot be read is a cache that is gone.
fn taken_up(saved: &SavedProjection) -> Option<Folded> {
    let mut folded = Folded::from_bytes(&saved.state).ok()?;
    folded.position = saved.position;
    Some(folded)
}

/// Before the first event, and knowing what was shown: no counter falls.
fn from_the_start(old: &Folded) -> Folded {
    let mut folded = Folded::default();
    folded.metrics.raise(old.metrics.shown());
    folded
}

/// Whether one of these events can be folded by now.
async fn is_cured(ledger: &dyn Ledger, skipped: &BTreeSet<u64>) -> Result<bool, LedgerError> {
    for position in skipped {
        let before = Position::from_u64(position.saturating_sub(1));
        let next = ledger.read_events(before, 1).await?.into_iter().next();
        if next.is_some_and(|next| next.position.as_u64() == *position && next.event.is_ok()) {
            return Ok(true);
        }
    }
    Ok(false)
}
