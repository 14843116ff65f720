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
        let (folded, saved) = stored(&*ledger).await?;
        Ok(Self { ledger, folded: Mutex::new(folded), saved: Mutex::new(saved) })
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
    /// stands. It is taken up here too: it may hold a parked event that was folded in later.
    pub async fn save(&self) -> Result<bool, LedgerError> {
        let mut saved = self.saved.lock().await;
        let folded = self.caught_up().await?;
        if *saved == folded.position {
            return Ok(true);
        }
        let state = folded.to_bytes().map_err(|error| LedgerError::Engine(error.to_string()))?;
        let position = folded.position;
        drop(folded);
        let stood = self.ledger.save_projection(&KEY, *saved, SavedProjection { position, state }).await?;
        if stood {
            *saved = position;
        } else {
            let mut folded = self.folded.lock().await;
            (*folded, *saved) = stored(&*self.ledger).await?;
        }
        Ok(stood)
    }
}

/// The saved state, and the position under which it is saved.
async fn stored(ledger: &dyn Ledger) -> Result<(Folded, Position), LedgerError> {
    let Some(saved) = ledger.load_projection(&KEY).await? else {
        return Ok((Folded::default(), Position::START));
    };
    // A state that cannot be read is a cache that is gone: fold again.
    let folded = match Folded::from_bytes(&saved.state) {
        Ok(folded) => Folded { position: saved.position, ..folded },
        Err(_) => Folded::default(),
    };
    Ok((folded, saved.position))
}
