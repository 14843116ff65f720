//! The demo: real agents' work on real git, all troubles included, and the check that every account of it
//! says the same.

mod agent;
mod agreement;
mod client;
mod report;
mod scene;
mod stage;
mod trouble;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

use gitledger_sandboxes::ControlPlane;
use scene::Scene;

use crate::text;

pub use client::Client;
pub use stage::Stage;

/// Runs the demo. True when the ledger, the remote and the metrics agree.
/// `data`: where the ledger stays; `None` makes a new directory for it.
pub async fn run(agents: u16, data: Option<&Path>, json: bool) -> Result<bool, String> {
    let scene = Scene::set(agents, data).await?;
    let started = Instant::now();
    let steps = u64::from(agents) * agent::STEPS + trouble::STEPS;
    let progress = ProgressBar::new(steps);
    progress.set_style(style());
    progress.enable_steady_tick(std::time::Duration::from_millis(120));

    let client = Client::new(&scene.system.url, progress.clone())?;
    let control = scene.system.world.sandboxes.control().clone();
    let mut work = JoinSet::new();
    for number in 0..agents {
        work.spawn(agent::work(scene.stage.clone(), client.clone(), number));
    }
    work.spawn(trouble::make(scene.stage.clone(), client.clone(), control));
    let mut broken = Vec::new();
    while let Some(ended) = work.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => broken.push(reason),
            Err(error) => broken.push(error.to_string()),
        }
    }
    progress.finish_and_clear();

    let seen = client.seen();
    let wall = started.elapsed();
    let mut disagreements = agreement::check(&scene, &seen).await?;
    disagreements.extend(broken);
    report::show(json, &scene, &seen, wall, &disagreements).await?;
    scene.end().await?;
    Ok(disagreements.is_empty())
}

/// The same work one after the other, wherever gitledger is: the same ledger each time, but for the times in it.
pub async fn one_after_the_other(
    stage: Arc<Stage>,
    client: &Client,
    control: ControlPlane,
    agents: u16,
) -> Result<(), String> {
    for number in 0..agents {
        agent::work(stage.clone(), client.clone(), number).await?;
    }
    trouble::make(stage, client.clone(), control).await
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_bar} {pos}/{len} operations  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
