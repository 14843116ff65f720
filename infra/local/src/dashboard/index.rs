//! The timeline of one ledger, in memory, kept up to date by following it.
//!
//! Deliberately not saved: it is made from the events once, in the background, when a system starts.

use std::sync::Arc;

use gitledger_ledger::{Ledger, LedgerError, Position};
use gitledger_projections::{Projection, Sandboxes, Timeline};
use tokio::sync::{Mutex, MutexGuard};

/// How many events are read at once.
const CHUNK: usize = 5000;

/// What the dashboard asks.
pub struct Index {
    /// The ledger that is followed.
    pub ledger: Arc<dyn Ledger>,
    followed: Mutex<Followed>,
}

/// Everything up to a position.
#[derive(Default)]
pub struct Followed {
    /// Everything up to here is in it.
    pub position: Position,
    /// Operations and running time.
    pub timeline: Timeline,
    /// The live sandboxes.
    pub sandboxes: Sandboxes,
}

impl Index {
    /// Nothing yet; the first who asks waits until the ledger is read.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger, followed: Mutex::default() }
    }

    /// With everything in it that the ledger holds now.
    pub async fn caught_up(&self) -> Result<MutexGuard<'_, Followed>, LedgerError> {
        let mut followed = self.followed.lock().await;
        loop {
            let page = self.ledger.read_events(followed.position, CHUNK).await?;
            if page.is_empty() {
                return Ok(followed);
            }
            for next in page {
                // What cannot be read is parked by the projector, which tells of it.
                if let Ok(event) = next.event {
                    followed.timeline.apply(&event);
                    followed.sandboxes.apply(&event);
                }
                followed.position = next.position;
            }
        }
    }
}
