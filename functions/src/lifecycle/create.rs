//! A sandbox that nobody has used: of the pool, else new.

use std::time::Instant;

use gitledger_events::sandbox::Reuse;
use gitledger_operations::record::Found;
use gitledger_projections::sandboxes::Choice;

use super::carried::{Carried, refused};
use super::record;
use crate::Refusal;
use crate::story::recorder::Recorder;
use crate::story::running::Running;
use crate::story::{open, sandbox};

pub(super) async fn create(running: &Running<'_>, recorder: &mut Recorder) -> Result<Carried, Refusal> {
    let start = Instant::now();
    let world = running.world;
    let waiting: Vec<Choice> = {
        let folded = world.projector.caught_up().await?;
        let warm = folded.sandboxes.warm(&world.template, running.lease_end(), world.clock.now());
        let choice = |id: &String| Choice { sandbox_id: id.clone(), reuse: Reuse::Warm, shared: false };
        warm.into_iter().map(|state| choice(&state.id)).collect()
    };
    let leased = if let Some(leased) = open::take(running, recorder, &waiting, start).await? {
        leased
    } else {
        let wanted = open::wanted(running);
        recorder.append(world, vec![wanted.clone().into()]).await?;
        match open::make(running, recorder, &wanted, start).await {
            Ok(leased) => leased,
            Err(error) => return refused(error),
        }
    };
    let kept = sandbox::kept(running, &leased).into_iter().collect();
    if let Err(error) = world.sandboxes.release(&leased.lease, kept).await {
        return refused(error);
    }
    let record = record::one(world, &leased.lease.sandbox_id).await?;
    Ok(Ok(record.map_or(Found::Nothing, |(_, _, record)| Found::Sandbox(Box::new(record), leased.new))))
}
