//! What the system does by itself while it runs.

use std::sync::Arc;
use std::time::Duration;

use gitledger_functions::exporter::Exporter;
use gitledger_functions::{World, reaper};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;

/// How often the projections are saved; what is not saved is folded again after a restart.
const SAVE_EVERY: Duration = Duration::from_secs(5);
/// How often the reaper looks.
const REAP_EVERY: Duration = Duration::from_secs(10);
/// How often the pool is looked at: whoever takes one of it does not wait, but the next one might.
const FILL_EVERY: Duration = Duration::from_secs(1);
/// How long the pool is left alone after it could not be filled.
const FILL_AGAIN: Duration = Duration::from_secs(30);
/// How often metrics are published.
const EXPORT_EVERY: Duration = Duration::from_secs(15);
/// Starts it all.
pub(super) fn start(
    gateway: &Gateway,
    exporter: Option<Arc<Exporter>>,
    stop: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    let world = gateway.world.clone();
    tasks.push(every(SAVE_EVERY, stop.clone(), move || {
        let world = world.clone();
        async move {
            world.projector.save().await.map_err(|error| error.to_string())?;
            world.spending.save().await.map(|_| ()).map_err(|error| error.to_string())
        }
    }));
    let world = gateway.world.clone();
    tasks.push(every(REAP_EVERY, stop.clone(), move || {
        let world = world.clone();
        async move { reaper::reap(&world).await.map(|_| ()).map_err(|error| error.to_string()) }
    }));
    // So that the first who opens the dashboard does not wait until the whole ledger is read.
    let dashboard = gateway.dashboard.clone();
    tasks.push(tokio::spawn(async move {
        if let Err(error) = dashboard.caught_up().await {
            tracing::error!(%error, "the dashboard has not read the ledger; it is tried again when somebody looks");
        }
    }));
    if gateway.world.sandbox_policy.pool > 0 {
        tasks.push(tokio::spawn(filling(gateway.world.clone(), stop.clone())));
    }
    if let Some(exporter) = exporter {
        let world = gateway.world.clone();
        tasks.push(every(EXPORT_EVERY, stop.clone(), move || {
            let (world, exporter) = (world.clone(), exporter.clone());
            async move { exporter.publish(&world).await.map(|_| ()).map_err(|error| error.to_string()) }
        }));
    }
    tasks
}

/// Keeps the pool filled; not once more at the end, when every sandbox ends.
async fn filling(world: Arc<World>, stop: CancellationToken) {
    loop {
        let pause = match reaper::fill_pool(&world).await {
            Ok(true) => FILL_EVERY,
            Ok(false) => FILL_AGAIN,
            Err(error) => {
                tracing::error!(%error, "the pool was not filled; it is tried again");
                FILL_AGAIN
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Does something at once, then again and again, and once more when it is to stop.
fn every<F, Fut>(period: Duration, stop: CancellationToken, mut work: F) -> JoinHandle<()>
where
    F: FnMut() -> Fut + Send + 'static,
    Fut: Future<Output = Result<(), String>> + Send,
{
    tokio::spawn(async move {
        loop {
            if let Err(reason) = work().await {
                tracing::error!(%reason, "background work failed; it is tried again");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(period) => {}
            }
        }
        if let Err(reason) = work().await {
            tracing::error!(%reason, "background work failed at the end");
        }
    })
}
