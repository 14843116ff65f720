//! Going on with what runs in a sandbox already: whoever started it has stopped, and it has not.
//!
//! A run is found by its operation and its round. It was fenced by the lease that the operation still has, so
//! that nobody else can have worked there meanwhile.

use std::time::{Duration, Instant};

use gitledger_events::operation::{Effect, SideEffect};
use gitledger_operations::failure::codes;
use gitledger_operations::{Exits, Failure, Plan};
use gitledger_sandboxes::{LINE_BYTES_MAX, Recalled, SandboxError};
use uuid::Uuid;

use super::running::Running;
use super::sandbox::Workspace;

/// Between two looks at a run that is not at its end.
pub(super) const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// More rounds than any operation takes; a bound, so that a wrong decision cannot loop.
pub(crate) const ROUNDS_MAX: usize = 40;

/// What became of a round.
pub(super) enum Attached {
    /// It was never begun.
    Nothing,
    /// It came to its end.
    Ended(Exits),
    /// It has not yet, and the time is over.
    Running,
    /// It was stopped, nobody can say in the middle of what.
    Stopped,
}

/// Waits for the end of a round that somebody else began.
pub(super) async fn look(
    running: &Running<'_>,
    workspace: &Workspace,
    round: usize,
    plan: &Plan,
) -> Attached {
    let (envd, epoch) = (running.world.sandboxes.envd(), workspace.epoch.unwrap_or_default());
    let tag = tag(running.request.operation_id, round);
    loop {
        match envd.recall(&workspace.sandbox_id, &tag, epoch, false).await {
            Ok(Recalled::Ended { kept, .. }) => {
                return kept.exits(plan).map_or(Attached::Stopped, Attached::Ended);
            }
            Ok(Recalled::Nothing | Recalled::Blank) => return Attached::Nothing,
            Ok(Recalled::Running) | Err(SandboxError::Unavailable(_)) => {}
            Err(error) => {
                tracing::info!(%error, tag, "a run is not found again");
                return Attached::Stopped;
            }
        }
        if running.is_overdue() {
            return Attached::Running;
        }
        if running.started.elapsed() > running.time {
            return Attached::Stopped;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// A run to its end; `None` when its caller waits no longer and it can be found again.
pub(super) async fn patiently<T>(
    running: &Running<'_>,
    plan: &Plan,
    run: impl Future<Output = T>,
) -> Option<T> {
    match running.handover {
        Some(handover) if is_whole(running) || line(running, plan).is_some() => {
            let left = handover.saturating_duration_since(Instant::now());
            // Not at once: what is started is to be found.
            tokio::time::timeout(left.max(Duration::from_secs(1)), run).await.ok()
        }
        _ => Some(run.await),
    }
}

/// The failure of an operation one of whose runs was stopped.
pub(super) fn stopped(running: &Running<'_>) -> Failure {
    let mut failure = Failure::new(codes::SANDBOX_LOST, "its run in the sandbox was stopped in the middle");
    if running.declaration.effect != Effect::Reads {
        failure.side_effect = SideEffect::Unknown;
    }
    failure
}

/// What the sandbox keeps with a run, for whoever goes on: the whole input. What is uploaded is contents, which
/// are kept nowhere.
pub(super) fn line(running: &Running<'_>, plan: &Plan) -> Option<String> {
    let line = running.request.input.to_string();
    (plan.uploads.is_empty() && line.len() <= LINE_BYTES_MAX).then_some(line)
}

/// Whether somebody else can know what was asked: from the ledger, or from a run of before.
pub(super) fn is_kept(running: &Running<'_>, rounds: &[Exits]) -> bool {
    is_whole(running) || (!rounds.is_empty() && line(running, &Plan::default()).is_some())
}

/// Whether what the ledger keeps of the input is all of it.
pub(super) fn is_whole(running: &Running<'_>) -> bool {
    let recorded = running.asked.recorded_input();
    let fields = running.request.input.as_object();
    fields.is_some_and(|fields| fields.iter().all(|(name, value)| recorded.get(name) == Some(value)))
}

/// By which a round's run is found in the sandbox.
pub(crate) fn tag(operation_id: Uuid, round: usize) -> String {
    format!("{operation_id}-{round}")
}
