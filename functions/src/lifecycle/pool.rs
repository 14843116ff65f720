//! The pool: sandboxes that wait for whoever needs one.

use std::time::Duration;

use futures_util::future::join_all;
use gitledger_events::Fact;
use gitledger_events::operation::SandboxRequested;
use gitledger_operations::lifecycle::sandbox_warm::SandboxWarmOutput;
use gitledger_operations::record::Found;
use gitledger_sandboxes::{LeaseError, OpenRequest, SandboxError};

use super::carried::{Carried, refused};
use crate::Refusal;
use crate::story::recorder::Recorder;
use crate::story::running::Running;

/// How many are made side by side: a host admits few creations a second, and whoever waits for a sandbox now
/// is to have some of them.
const AT_ONCE: u32 = 3;

/// Makes what is missing and nobody else makes already.
pub(super) async fn fill(
    running: &Running<'_>,
    recorder: &mut Recorder,
    pool: Option<u32>,
) -> Result<Carried, Refusal> {
    let world = running.world;
    let wanted = pool.unwrap_or(world.sandbox_policy.pool);
    let mut told = SandboxWarmOutput { waiting: waiting(running).await?, ..SandboxWarmOutput::default() };
    let missing = missing(running, wanted).await?;
    let mut last = None;
    while told.made + told.failed < missing {
        let left = missing - told.made - told.failed;
        for made in make(running, recorder, left.min(AT_ONCE)).await? {
            match made {
                Ok(_) => told.made += 1,
                Err(LeaseError::Ledger(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::info!(%error, "no sandbox for the pool");
                    told.failed += 1;
                    last = Some(error);
                }
            }
        }
        // Full is full: the others would be refused alike.
        if matches!(last, Some(LeaseError::Sandbox(SandboxError::Quota(_)))) {
            told.failed = missing - told.made;
        }
    }
    told.waiting = waiting(running).await?;
    match last {
        Some(error) if told.made == 0 => refused(error),
        _ => Ok(Ok(Found::Warmed(told))),
    }
}

async fn waiting(running: &Running<'_>) -> Result<u32, Refusal> {
    let world = running.world;
    let folded = world.projector.caught_up().await?;
    Ok(folded.sandboxes.pooled(&world.template, &world.sandbox_policy, world.clock.now()))
}

async fn missing(running: &Running<'_>, wanted: u32) -> Result<u32, Refusal> {
    let world = running.world;
    let folded = world.projector.caught_up().await?;
    Ok(folded.sandboxes.missing(wanted, &world.template, &world.sandbox_policy, world.clock.now()))
}

/// So many, side by side.
async fn make(
    running: &Running<'_>,
    recorder: &mut Recorder,
    count: u32,
) -> Result<Vec<Result<String, LeaseError>>, Refusal> {
    let world = running.world;
    let wanted = || SandboxRequested {
        request_id: world.clock.id(),
        template: world.template.clone(),
        timeout_s: world.sandbox_policy.ttl_s,
    };
    let wanted: Vec<SandboxRequested> = (0..count).map(|_| wanted()).collect();
    recorder.append(world, wanted.iter().cloned().map(Fact::from).collect()).await?;
    let requests: Vec<OpenRequest> = wanted.into_iter().map(|wanted| request(running, wanted)).collect();
    let made = requests.iter().map(|request| world.sandboxes.stock(request, &recorder.origin));
    Ok(join_all(made).await)
}

fn request(running: &Running<'_>, wanted: SandboxRequested) -> OpenRequest {
    OpenRequest {
        request_id: wanted.request_id,
        operation_id: running.request.operation_id,
        template: Some(wanted.template),
        life: Duration::from_secs(wanted.timeout_s),
        until: running.lease_end(),
    }
}
