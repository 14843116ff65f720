//! What `/metrics` shows: the snapshot that the exporter publishes, as text.

use gitledger_functions::{Refusal, World, exporter};

/// The Prometheus text of everything that the ledger holds at this moment.
pub async fn text(world: &World) -> Result<String, Refusal> {
    let snapshot = exporter::snapshot(world).await?;
    Ok(gitledger_projections::metrics::render(&snapshot))
}
