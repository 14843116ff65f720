//! The projector: keeps the projections up to date with the ledger, state and position in one write.

use std::sync::Arc;

use gitledger_events::Event;
use gitledger_ledger::{Ledger, LedgerError, Position, ProjectionKey, Recorded, SavedProjection};
use gitledger_projections::metrics::Metrics;
use gitledger_projections::recent::RecentOperations;
use gitledger_projections::{OpenOperations, Projection, Sandboxes, Summary};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};

/// How many events are read at once.
const CHUNK: usize = 5000;

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
    saved: Mutex<Position>,
}

impl Projector {
    /// Takes up the saved state, or starts from the first event.
    pub async fn load(ledger: Arc<dyn Ledger>) -> Result<Self, LedgerError> {
        let saved = ledger.load_projection(&KEY).await?;
        let position = saved.as_ref().map_or(Position::START, |saved| saved.position);
        let folded = saved.and_then(|saved| {
            // A state that cannot be read is a cache that is gone: fold again.
            let mut folded = Folded::from_bytes(&saved.state).ok()?;
            folded.position = saved.position;
            Some(folded)
        });
        Ok(Self { ledger, folded: Mutex::new(folded.unwrap_or_default()), saved: Mutex::new(position) })
    }

    /// The state with everything folded in that the ledger holds now.
    pub async fn caught_up(&self) -> Result<MutexGuard<'_, Folded>, LedgerError> {
        let mut folded = self.folded.lock().await;
        loop {
            let chunk = self.ledger.read_all(folded.position, CHUNK).await?;
            let last = chunk.is_empty();
            for recorded in chunk {
                self.take(&mut folded, recorded).await?;
            }
            if last {
                return Ok(folded);
            }
        }
    }

    /// Folds one event in; one that cannot be read is parked and passed over.
    async fn take(&self, folded: &mut Folded, recorded: Recorded) -> Result<(), LedgerError> {
        let position = recorded.position;
        match recorded.record.decode() {
            Ok(event) => folded.apply(&event),
            Err(error) => {
                tracing::error!(%position, %error, "event parked");
                self.ledger.park(&KEY, position, &error.to_string()).await?;
            }
        }
        folded.position = position;
        Ok(())
    }

    /// Saves state and position in one write. `false`: another projector saved in between, and its state
    /// stands; ours is only a later or an earlier fold of the same events.
    pub async fn save(&self) -> Result<bool, LedgerError> {
        let folded = self.caught_up().await?;
        let mut saved = self.saved.lock().await;
        if *saved == folded.position {
            return Ok(true);
        }
        let state = folded.to_bytes().map_err(|error| LedgerError::Engine(error.to_string()))?;
        let position = folded.position;
        drop(folded);
        let stood = self.ledger.save_projection(&KEY, *saved, SavedProjection { position, state }).await?;
        *saved = if stood { position } else { self.stored().await? };
        Ok(stood)
    }

    async fn stored(&self) -> Result<Position, LedgerError> {
        Ok(self.ledger.load_projection(&KEY).await?.map_or(Position::START, |saved| saved.position))
    }
}
