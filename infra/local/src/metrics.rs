//! What `/metrics` shows and the exporter publishes: one snapshot, one text.

use std::sync::Arc;

use gitledger_functions::exporter::{Exporter, Published};
use gitledger_functions::{Refusal, World};

/// Renders the metrics of the running system.
pub struct Meter {
    exporter: Option<Arc<Exporter>>,
}

impl Meter {
    /// A meter that also tells how often the exporter has failed.
    pub fn new(exporter: Option<Arc<Exporter>>) -> Self {
        Self { exporter }
    }

    /// The Prometheus text of everything that the ledger holds at this moment.
    pub async fn text(&self, world: &World) -> Result<String, Refusal> {
        let snapshot = gitledger_functions::exporter::snapshot(world, self.failures()).await?;
        gitledger_projections::metrics::render(&snapshot).map_err(fault)
    }

    /// Publishes that text.
    pub async fn publish(&self, world: &World, exporter: &Exporter) -> Result<Published, Refusal> {
        let snapshot = gitledger_functions::exporter::snapshot(world, self.failures()).await?;
        let text = gitledger_projections::metrics::render(&snapshot).map_err(fault)?;
        Ok(exporter.publish(world.ledger.as_ref(), &snapshot, text).await?)
    }

    fn failures(&self) -> u64 {
        self.exporter.as_ref().map_or(0, |exporter| exporter.failures())
    }
}

fn fault(error: impl std::fmt::Display) -> Refusal {
    Refusal::Fault(error.to_string())
}
