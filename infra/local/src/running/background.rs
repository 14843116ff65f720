//! What the system does by itself while it runs.

use std::sync::Arc;
use std::time::Duration;

use gitledger_functions::exporter::Exporter;
use gitledger_functions::{World, reaper};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::feeding::Feeder;
use crate::gateway::{Gateway, measured};

/// How often the projections are saved; what is not saved is folded again after a restart.
const SAVE_EVERY: Duration = Duration::from_secs(5);
/// How often the reaper looks.
const REAP_EVERY: Duration = Duration::from_secs(10);
/// How often the pool is looked at: whoever takes one of it does not wait, but the next one might.
const FILL_EVERY: Duration = Duration::from_millis(250);
/// How long the pool is left alone after it could not be filled.
const FILL_AGAIN: Duration = Duration::from_secs(30);
/// How often metrics are published.
const EXPORT_EVERY: Duration = Duration::from_secs(15);

/// Starts it all.
pub(super) fn start(
    gateway: &Gateway,
    exporter: Option<Arc<Exporter>>,
    feeder: Option<&Feeder>,
    stop: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    let world = gateway.world.clone();
    tasks.push(every(SAVE_EVERY, stop.clone(), move || {
        let world = world.clone();
        measured::tidy();
        async move {
            world.projector.save().await.map_err(|error| error.to_string())?;
            world.spending.save().await.map(|_| ()).map_err(|error| error.to_string())
        }
    }));
    let world = gateway.world.clone();
    measured::reaped(world.clock.now());
    tasks.push(every(REAP_EVERY, stop.clone(), move || {
        let world = world.clone();
        async move {
            reaper::reap(&world).await.map_err(|error| error.to_string())?;
            measured::reaped(world.clock.now());
            Ok(())
        }
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
    if let Some(feeder) = feeder {
        tasks.push(tokio::spawn(feeder.clone().run(gateway.world.ledger.clone(), stop.clone())));
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

/// Keeps the pool filled; not once more at the end, when every sandbox ends. What is taken is made up for at
/// once, also while others are still being made: the ledger tells how many are on their way.
async fn filling(world: Arc<World>, stop: CancellationToken) {
    let mut fills = JoinSet::new();
    loop {
        fills.spawn({
            let world = world.clone();
            async move { reaper::fill_pool(&world).await }
        });
        let mut pause = FILL_EVERY;
        while let Some(filled) = fills.try_join_next() {
            match filled {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => pause = FILL_AGAIN,
                Ok(Err(error)) => {
                    tracing::error!(%error, "the pool was not filled; it is tried again");
                    pause = FILL_AGAIN;
                }
                Err(error) => tracing::error!(%error, "filling the pool ended before its time"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
    // One that is being made must get into the ledger, or nobody would end it.
    while fills.join_next().await.is_some() {}
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
