//! What `/metrics` shows: the snapshot that the exporter publishes, as text, and what this process has seen by itself.

use gitledger_functions::{Refusal, World, exporter};

use crate::gateway::measured;

/// The Prometheus text of everything that the ledger holds at this moment, and after it the numbers of this process.
pub async fn text(world: &World) -> Result<String, Refusal> {
    let snapshot = exporter::snapshot(world).await?;
    Ok(gitledger_projections::metrics::render(&snapshot) + &measured::text())
}
