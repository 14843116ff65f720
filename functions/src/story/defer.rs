//! Leaving an operation for somebody else to go on with, because its caller waits no longer.
//!
//! The event is the order to go on: whoever follows the ledger passes it on, so that an operation that was
//! deferred is never forgotten between two writes.

use gitledger_events::Fact;
use gitledger_events::operation::OperationDeferred;
use gitledger_ledger::AppendError;
use gitledger_operations::Place;
use gitledger_operations::lifecycle::Order;

use super::attach;
use super::recorder::Recorder;
use super::running::Running;
use crate::{Answer, Refusal};

/// Records an operation and leaves it, where its caller does not wait at all and the ledger keeps the whole input.
/// `None`: it has to be begun now.
pub(super) async fn at_once(running: &Running<'_>) -> Result<Option<Answer>, Refusal> {
    if !running.is_overdue() || !attach::is_whole(running) {
        return Ok(None);
    }
    let mut recorder = Recorder::new(running, repo(running)?);
    if let Place::Named(sandbox_id) = running.asked.place() {
        let Ok(state) = running.world.sandboxes.state(sandbox_id).await else { return Ok(None) };
        recorder.adopt(&state.actor, state.repo.as_ref());
    }
    let facts = [running.intents(), vec![deferred(running, None)]].concat();
    match recorder.append(running.world, facts).await {
        Ok(()) => Ok(Some(later(running))),
        // Under a key that was used before the recorded answer is given, or waited for.
        Err(AppendError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether an operation that got no sandbox while its caller waited may get one yet.
pub(super) fn is_worth_it(running: &Running<'_>) -> bool {
    running.is_overdue() && attach::is_whole(running) && running.world.clock.now() < running.deadline
}

/// Leaves an operation whose intent is recorded and that has no sandbox.
pub(super) async fn unbegun(running: &Running<'_>, recorder: Recorder) -> Result<Answer, Refusal> {
    left(running, recorder, None).await
}

fn repo(running: &Running<'_>) -> Result<Option<gitledger_events::Repo>, Refusal> {
    let url = match running.asked.place() {
        Place::Opens { repo_url, .. } => Some(repo_url),
        Place::Host(Order::Create { repo_url }) => repo_url,
        Place::Host(_) | Place::Named(_) | Place::Ledger => None,
    };
    Ok(url.map(|url| running.world.remotes.admit("repo_url", url)).transpose()?.map(|remote| remote.repo()))
}

/// Leaves an operation whose run goes on in the sandbox. The lease stays its own.
pub(super) async fn midway(
    running: &Running<'_>,
    recorder: Recorder,
    sandbox_id: &str,
) -> Result<Answer, Refusal> {
    left(running, recorder, Some(sandbox_id.to_owned())).await
}

async fn left(
    running: &Running<'_>,
    mut recorder: Recorder,
    sandbox_id: Option<String>,
) -> Result<Answer, Refusal> {
    let fact = deferred(running, sandbox_id);
    match recorder.append(running.world, vec![fact]).await {
        Ok(()) => Ok(later(running)),
        // Somebody has closed it meanwhile.
        Err(AppendError::Conflict { .. }) => {
            Ok(super::repeat::recorded(running).await?.unwrap_or_else(|| later(running)))
        }
        Err(error) => Err(error.into()),
    }
}

fn deferred(running: &Running<'_>, sandbox_id: Option<String>) -> Fact {
    let waited_ms = running.started.elapsed().into();
    OperationDeferred { sandbox_id, waited_ms, input_whole: attach::is_whole(running) }.into()
}

fn later(running: &Running<'_>) -> Answer {
    let message = "the operation has not ended yet; it goes on";
    Answer::unknown(running.request.operation_id, running.declaration.name, message)
}
