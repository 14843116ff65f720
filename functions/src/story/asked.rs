//! What an operation wants to know of the ledger, looked up; and operations that want nothing else.

use gitledger_events::operation::SideEffect;
use gitledger_events::{Event, Repo, Stream};
use gitledger_operations::record::{Found, Happened, OperationRecord, State, Wants};
use gitledger_projections::OperationState;
use gitledger_projections::operation_state::Outcome;
use gitledger_projections::recent::{Ending, RecentOperation};
use gitledger_sandboxes::envd::Signal;
use uuid::Uuid;

use super::outcome::Work;
use super::running::Running;
use crate::lifecycle::record;
use crate::{Answer, Refusal, World};

/// Looks up what an operation wants to know, as far as its API key may see it: what the key may not see is
/// not there.
pub(crate) async fn find(running: &Running<'_>) -> Result<Found, Refusal> {
    let (world, principal) = (running.world, &running.request.principal);
    match running.asked.wants() {
        Wants::Nothing => Ok(Found::Nothing),
        Wants::Newest => {
            let folded = world.projector.caught_up().await?;
            let seen = folded
                .recent
                .newest()
                .filter(|one| principal.may_see(one.actor.key_id.as_deref(), one.repo.as_ref()));
            Ok(Found::Newest(seen.map(listed).collect()))
        }
        Wants::Operation(id) => {
            let found = whole(world, id).await?;
            let seen = found.filter(|(owner, repo, _)| principal.may_see(owner.as_deref(), repo.as_ref()));
            Ok(seen.map_or(Found::Nothing, |(_, _, record)| Found::Operation(Box::new(record))))
        }
        Wants::Sandboxes => record::all(world, principal).await.map(Found::Sandboxes),
        Wants::Sandbox(id) => {
            let found = record::one(world, &id).await?;
            let seen = found.filter(|(owner, repo, _)| principal.may_see(owner.as_deref(), repo.as_ref()));
            Ok(seen.map_or(Found::Nothing, |(_, _, record)| Found::Sandbox(Box::new(record), false)))
        }
        Wants::Stop(id) => {
            let found = whole(world, id).await?;
            let Some((_, _, record)) = found.filter(|(owner, _, _)| principal.may_end(owner.as_deref()))
            else {
                return Ok(Found::Nothing);
            };
            let stopped = record.state == State::Running && stop(world, &record).await?;
            Ok(Found::Stopped(Box::new(record), stopped))
        }
    }
}

/// Answers an operation that asks only for what the ledger has. It is not recorded: whoever looks every
/// second would fill the ledger with its looking.
pub(crate) fn answer(running: &Running<'_>) -> Result<Answer, Refusal> {
    let work = Work::decided(running, &running.found)?;
    Ok(work.settle(running, running.request.operation_id).0)
}

/// Tells what runs of it to stop: at once, if its function is in this process and between two plans, and its
/// process in the sandbox. SIGTERM goes to the run's leader, which passes it on to git.
async fn stop(world: &World, record: &OperationRecord) -> Result<bool, Refusal> {
    let noted = world.running.cancel(record.id);
    let Some(sandbox_id) = &record.sandbox_id else { return Ok(noted) };
    let prefix = format!("{}-", record.id);
    let processes = match world.sandboxes.envd().processes(sandbox_id).await {
        Ok(processes) => processes,
        // A sandbox that is gone runs nothing.
        Err(error) => {
            tracing::info!(%error, sandbox_id, "no processes to stop");
            return Ok(noted);
        }
    };
    let mut signalled = false;
    for tag in processes.into_iter().filter_map(|process| process.tag).filter(|tag| tag.starts_with(&prefix))
    {
        let sent = world.sandboxes.envd().signal(sandbox_id, &tag, Signal::Term).await;
        signalled |= sent.map_err(|error| Refusal::Fault(error.to_string()))?;
    }
    Ok(noted || signalled)
}

/// An operation with the API key that owns it and its repository.
type Owned = (Option<String>, Option<Repo>, OperationRecord);

async fn whole(world: &World, id: Uuid) -> Result<Option<Owned>, Refusal> {
    let records = world.ledger.read_stream(&Stream::operation(id), 1).await?;
    let happened: Vec<Happened> = records
        .iter()
        .map(|record| Happened { event: record.name.clone(), at: record.recorded_at })
        .collect();
    let events: Vec<Event> = records.into_iter().filter_map(|record| record.decode().ok()).collect();
    let state = OperationState::fold(&events);
    let Some(requested_at) = state.started_at else { return Ok(None) };
    // An operation that has no sandbox yet, or was given one, is known by the fold of the open ones.
    let leased = world.projector.caught_up().await?.open.get(id).and_then(|open| open.sandbox_id.clone());
    let (owner, repo) = (state.actor.key_id.clone(), state.repo.clone());
    Ok(Some((owner, repo, record(id, state, requested_at, leased, happened))))
}

fn record(
    id: Uuid,
    state: OperationState,
    requested_at: jiff::Timestamp,
    leased: Option<String>,
    events: Vec<Happened>,
) -> OperationRecord {
    let requested = state.requested.as_ref();
    let named = requested.and_then(|requested| requested.sandbox_id.clone());
    let mut record = OperationRecord {
        id,
        operation: state.name.unwrap_or_default(),
        state: State::Running,
        agent_id: state.actor.agent_id,
        task_id: state.actor.task_id,
        repo: state.repo.map(|repo| repo.to_string()),
        sandbox_id: leased.or(named),
        requested_at,
        ended_at: state.ended_at,
        code: None,
        side_effect: None,
        head_before: None,
        head_after: None,
        refs_changed: Vec::new(),
        input: requested.map(|requested| requested.input.clone()),
        output: None,
        events,
    };
    match state.outcome {
        None => {}
        Some(Outcome::Succeeded(done)) => {
            record.state = State::Succeeded;
            record.sandbox_id = done.sandbox_id.or(record.sandbox_id);
            (record.head_before, record.head_after) = (done.head_before, done.head_after);
            (record.refs_changed, record.output) = (done.refs_changed, done.output);
        }
        Some(Outcome::Failed(failed)) => {
            record.state = State::Failed;
            record.sandbox_id = failed.sandbox_id.or(record.sandbox_id);
            record.side_effect = Some(failed.side_effect);
            (record.code, record.output) = (Some(failed.code), failed.output);
        }
        Some(Outcome::Abandoned(abandoned)) => {
            let known = abandoned.side_effect != SideEffect::Unknown;
            record.state = if known { State::Failed } else { State::Unknown };
            record.side_effect = Some(abandoned.side_effect);
        }
    }
    record
}

fn listed(recent: &RecentOperation) -> OperationRecord {
    let (state, code) = match recent.end.as_ref().map(|(ending, _)| ending) {
        None => (State::Running, None),
        Some(Ending::Succeeded) => (State::Succeeded, None),
        Some(Ending::Failed(code)) => (State::Failed, Some(code.clone())),
        Some(Ending::Abandoned(true)) => (State::Failed, None),
        Some(Ending::Abandoned(false)) => (State::Unknown, None),
    };
    OperationRecord {
        id: recent.id,
        operation: recent.name.clone(),
        state,
        agent_id: recent.actor.agent_id.clone(),
        task_id: recent.actor.task_id.clone(),
        repo: recent.repo.as_ref().map(ToString::to_string),
        sandbox_id: recent.sandbox_id.clone(),
        requested_at: recent.requested_at,
        ended_at: recent.end.as_ref().map(|(_, at)| *at),
        code,
        side_effect: None,
        head_before: None,
        head_after: None,
        refs_changed: Vec::new(),
        input: None,
        output: None,
        events: Vec::new(),
    }
}
