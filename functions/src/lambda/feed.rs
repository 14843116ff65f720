//! The function `feed`: EventBridge in AWS, NATS where that is named instead.

use std::time::Duration;

use lambda_runtime::Error;
use serde_json::json;
use tokio::sync::Mutex;

use super::invocation::Invocation;
use super::journal::Note;
use super::serve::Told;
use super::{secrets, worlds};
use crate::feed::{Bus, EventBridge, Fed, Feed, Nats};
use crate::{World, catalogue};

/// After how long an invocation leaves the rest to the next one, where the platform does not say.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long to wait before it is looked again whether another one still feeds.
const HELD: Duration = Duration::from_secs(1);

/// What the function has of the world.
pub(super) struct Feeder {
    world: World,
    feed: Mutex<Feed>,
}

pub(super) async fn prepare() -> Result<Feeder, Error> {
    let needs = catalogue::find("feed").map_or(catalogue::Needs::NONE, |function| function.needs);
    let settings = secrets::settings(needs).await?;
    let bus: Box<dyn Bus> = match (&settings.event_bus, &settings.nats) {
        (Some(name), _) => Box::new(EventBridge::named(name, &settings.aws)?),
        (None, Some(server)) => Box::new(Nats::at(server.clone())),
        (None, None) => return Err("GITLEDGER_EVENT_BUS or NATS_URL must be set".into()),
    };
    Ok(Feeder { world: worlds::with(settings, needs).await?, feed: Mutex::new(Feed::to(bus)) })
}

/// Puts on the bus what is not on it. What is in the way fails the invocation, so that it comes again.
pub(super) async fn handle(feeder: &Feeder, invocation: &Invocation) -> Result<Told, Error> {
    let mut feed = feeder.feed.lock().await;
    let mut all = 0;
    loop {
        match feed.round(feeder.world.ledger.as_ref(), feeder.world.clock.as_ref()).await? {
            Fed::Events(count) => all += count,
            Fed::Failed(reason) => return Err(format!("{all} events were fed, then: {reason}").into()),
            Fed::Nothing => break,
            // Who holds it may be dead, and what woke this one is perhaps not on the bus.
            Fed::Held => tokio::time::sleep(HELD).await,
        }
        let is_over = match invocation.patience() {
            Some(left) => left < PATIENCE / 3,
            None => invocation.began.elapsed() > PATIENCE,
        };
        if is_over {
            return Err(format!("{all} events were fed, and there may be more").into());
        }
    }
    Ok((json!({"fed": all}), Note { outcome: "done", ..Note::default() }))
}
