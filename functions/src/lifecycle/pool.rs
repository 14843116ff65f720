//! The pool: sandboxes that wait for whoever needs one.

use std::time::Duration;

use gitledger_events::operation::SandboxRequested;
use gitledger_operations::lifecycle::sandbox_warm::SandboxWarmOutput;
use gitledger_operations::record::Found;
use gitledger_sandboxes::{LeaseError, OpenRequest, SandboxError};

use super::Carried;
use crate::Refusal;
use crate::story::{Recorder, Running, lease_failure};

/// Makes what is missing, one after the other: a host admits few creations a second, and whoever waits for a
/// sandbox now goes first.
pub(super) async fn fill(
    running: &Running<'_>,
    recorder: &mut Recorder,
    pool: Option<u32>,
) -> Result<Carried, Refusal> {
    let world = running.world;
    let wanted = pool.unwrap_or(world.sandbox_policy.pool);
    let mut told = SandboxWarmOutput { waiting: waiting(running).await?, ..SandboxWarmOutput::default() };
    let missing = wanted.saturating_sub(told.waiting);
    let mut last = None;
    while told.made + told.failed < missing {
        match make(running, recorder).await {
            Ok(()) => told.made += 1,
            Err(LeaseError::Ledger(error)) => return Err(error.into()),
            Err(error) => {
                // Full is full: the others would be refused alike.
                let full = matches!(error, LeaseError::Sandbox(SandboxError::Quota(_)));
                tracing::info!(%error, "no sandbox for the pool");
                told.failed += if full { missing - told.made - told.failed } else { 1 };
                last = Some(error);
            }
        }
    }
    told.waiting = waiting(running).await?;
    match last {
        Some(error) if told.made == 0 => lease_failure(error).map(Err),
        _ => Ok(Ok(Found::Warmed(told))),
    }
}

async fn waiting(running: &Running<'_>) -> Result<u32, Refusal> {
    let world = running.world;
    let folded = world.projector.caught_up().await?;
    Ok(folded.sandboxes.pooled(&world.template, &world.sandbox_policy, world.clock.now()))
}

async fn make(running: &Running<'_>, recorder: &mut Recorder) -> Result<(), LeaseError> {
    let world = running.world;
    let wanted = SandboxRequested {
        request_id: world.clock.id(),
        template: world.template.clone(),
        timeout_s: world.sandbox_policy.ttl_s,
    };
    recorder.append(world, vec![wanted.clone().into()]).await?;
    let request = OpenRequest {
        request_id: wanted.request_id,
        operation_id: running.request.operation_id,
        template: Some(wanted.template),
        life: Duration::from_secs(wanted.timeout_s),
        until: running.lease_end(),
    };
    world.sandboxes.stock(&request, &recorder.origin).await.map(|_| ())
}
