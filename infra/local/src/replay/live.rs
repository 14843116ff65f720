//! The live side of a comparison: what the projector's own state says.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use gitledger_functions::projector::{Folded, KEY, Projector};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_ledger::{Ledger, Position};
use gitledger_projections::Projection;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::text;

/// The live figures that a replay can be held against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Live {
    /// The last event in it.
    pub position: u64,
    /// Operations begun.
    pub started: u64,
    /// Ended well.
    pub succeeded: u64,
    /// Ended otherwise.
    pub failed: u64,
    /// Leases served by a sandbox that was there.
    pub hits: u64,
    /// Leases for which one had to be made.
    pub misses: u64,
    /// Sandboxes made.
    pub created: u64,
    /// Sandbox time in microseconds, those that still ran at `at` included.
    pub sandbox_us: u64,
}

/// What the projector says, caught up with the ledger, as of an instant.
pub async fn figures(ledger: &Path, at: Timestamp) -> Result<Live, String> {
    let ledger = SqliteLedger::open(ledger, Durability::Full).map_err(text)?;
    let projector = Projector::load(Arc::new(ledger)).await.map_err(text)?;
    let folded = projector.caught_up().await.map_err(text)?;
    let rows = folded.summary.operations.values();
    let (hits, misses) = folded.metrics.cache();
    Ok(Live {
        position: folded.position.as_u64(),
        started: rows.clone().map(|row| row.count).sum(),
        succeeded: rows.clone().map(|row| row.succeeded).sum(),
        failed: rows.map(gitledger_projections::summary::OperationSummary::failed).sum(),
        hits,
        misses,
        created: folded.summary.sandboxes.created,
        sandbox_us: u64::try_from(folded.metrics.used(at).running_micros).unwrap_or(u64::MAX),
    })
}

/// The saved state of the projections beside the same state made again from the first event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Everything up to here is in both.
    pub position: u64,
    /// SHA-256 of what was saved.
    pub saved: String,
    /// SHA-256 of what was made again.
    pub rebuilt: String,
}

/// Makes every projection again from the first event up to where it was last saved. `None`: nothing is saved.
pub async fn rebuild(ledger: &Path) -> Result<Option<Rebuilt>, String> {
    let ledger = SqliteLedger::open(ledger, Durability::Full).map_err(text)?;
    let Some(saved) = ledger.load_projection(&KEY).await.map_err(text)? else { return Ok(None) };
    let (mut folded, mut position) = (Folded::default(), Position::START);
    while position < saved.position {
        for next in ledger.read_events(position, 5000).await.map_err(text)? {
            if next.position > saved.position {
                break;
            }
            position = next.position;
            if let Ok(event) = next.event {
                folded.apply(&event);
            }
        }
    }
    let rebuilt = folded.to_bytes().map_err(text)?;
    Ok(Some(Rebuilt {
        position: saved.position.as_u64(),
        saved: state_digest(&saved.state)?,
        rebuilt: state_digest(&rebuilt)?,
    }))
}

/// Of everything that follows from the events. What was last shown follows from when somebody looked.
fn state_digest(state: &[u8]) -> Result<String, String> {
    let mut state: Value = serde_json::from_slice(state).map_err(text)?;
    if let Some(Value::Object(metrics)) = state.get_mut("metrics") {
        metrics.remove("shown");
    }
    let digest = Sha256::digest(serde_json::to_vec(&state).map_err(text)?);
    Ok(digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
