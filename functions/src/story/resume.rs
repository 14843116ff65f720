//! Going on with an operation that somebody else began: it was deferred, or whoever went on with it has died.
//!
//! What runs in its sandbox is attached to, never run again. Only one goes on at a time: the event that says so
//! is appended at the version that was read.

use std::time::{Duration, Instant};

use gitledger_events::operation::{OperationDeferred, OperationResumed};
use gitledger_events::sandbox::Reuse;
use gitledger_events::{Event, Fact, Stream};
use gitledger_ledger::AppendError;
use gitledger_operations::policy::RepoPattern;
use gitledger_operations::record::Found;
use gitledger_operations::{Place, table};
use gitledger_projections::OperationState;
use gitledger_sandboxes::{LeaseError, Recalled, SandboxError, Trace};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use super::asked;
use super::attach::{self, tag};
use super::recorder::Recorder;
use super::running::Running;
use super::sandbox::{self, Leased, Workspace};
use crate::access::{Grant, Principal};
use crate::request::digest;
use crate::{Answer, Refusal, Request, World};

/// Who goes on, and until when.
#[derive(Clone, Debug)]
pub struct Turn {
    /// An invocation's id; the same again may take over from itself.
    pub by: String,
    /// How long at most. What is not over then is deferred once more.
    pub patience: Duration,
}

/// What the stream of an operation says about going on with it.
struct Begun {
    state: OperationState,
    /// The last time that it was left.
    deferred: OperationDeferred,
    /// Who has it now.
    resumed: Option<OperationResumed>,
    /// The trace that it belongs to.
    trace: Option<Trace>,
}

/// Goes on with an operation to its outcome, or until the turn is over. One that has its outcome gets the recorded
/// answer; one that nobody has deferred, or that somebody else has, is left alone.
pub async fn resume(world: &World, id: Uuid, turn: &Turn) -> Result<Answer, Refusal> {
    let records = world.ledger.read_stream(&Stream::operation(id), 1).await?;
    if let Some(answer) = Answer::of_stream(id, &records) {
        return Ok(Answer { replayed: true, ..answer });
    }
    let events: Vec<Event> = records.into_iter().filter_map(|record| record.decode().ok()).collect();
    if events.is_empty() {
        return Err(Refusal::NotFound { what: "operation" });
    }
    let Some(begun) = begun(&events).filter(|begun| begun.is_free(&turn.by, world.clock.now())) else {
        return Ok(untouched(id, &events));
    };
    Trace::around(begun.trace, Box::pin(gone_on(world, id, turn, &begun, &events))).await
}

/// What somebody else has begun and left.
async fn gone_on(
    world: &World,
    id: Uuid,
    turn: &Turn,
    begun: &Begun,
    events: &[Event],
) -> Result<Answer, Refusal> {
    let now = world.clock.now();
    let until = now.saturating_add(SignedDuration::try_from(turn.patience).unwrap_or(SignedDuration::MAX));
    let until = until.unwrap_or(Timestamp::MAX);
    let Some(mut running) = running(world, id, begun, turn).await? else {
        return Ok(untouched(id, events));
    };
    let mut recorder = Recorder::new(&running, begun.state.repo.clone());
    let claim = OperationResumed { by: turn.by.clone(), until };
    match recorder.append(world, vec![claim.into()]).await {
        Ok(()) => running.begun += 1,
        Err(AppendError::Conflict { .. }) => return Ok(untouched(id, events)),
        Err(error) => return Err(error.into()),
    }
    running.found = asked::find(&running).await?;
    match held(&running, begun).await? {
        Held::Nothing => running.begin().await,
        Held::Ours(leased) => {
            recorder.adopt(&leased.workspace.actor, leased.workspace.repo.as_ref());
            running.work(recorder, *leased, true).await
        }
        // The reaper finds out what became of it.
        Held::Lost => Ok(untouched(id, events)),
    }
}

fn begun(events: &[Event]) -> Option<Begun> {
    let mut begun = Begun {
        state: OperationState::fold(events),
        deferred: OperationDeferred {
            sandbox_id: None,
            waited_ms: gitledger_events::Elapsed::ZERO,
            input_whole: false,
        },
        resumed: None,
        // Whether it is sampled is not recorded.
        trace: events
            .first()
            .and_then(|first| first.event.causation_id)
            .map(|id| Trace { id, sampled: None }),
    };
    let mut was_deferred = false;
    for event in events {
        match &event.event.fact {
            Fact::OperationDeferred(deferred) => {
                (was_deferred, begun.resumed) = (true, None);
                begun.deferred.input_whole |= deferred.input_whole;
                if deferred.sandbox_id.is_some() {
                    begun.deferred.sandbox_id.clone_from(&deferred.sandbox_id);
                }
            }
            Fact::OperationResumed(resumed) => begun.resumed = Some(resumed.clone()),
            _ => {}
        }
    }
    was_deferred.then_some(begun)
}

impl Begun {
    /// Whether nobody else goes on with it.
    fn is_free(&self, by: &str, now: Timestamp) -> bool {
        self.resumed.as_ref().is_none_or(|resumed| resumed.by == by || resumed.until < now)
    }
}

/// As whoever began it would have had it, with the time that is left; `None` where what was asked is not to be had.
async fn running<'w>(
    world: &'w World,
    id: Uuid,
    begun: &Begun,
    turn: &Turn,
) -> Result<Option<Running<'w>>, Refusal> {
    let state = &begun.state;
    let declaration = state.name.as_deref().and_then(table::find);
    let (Some(declaration), Some(requested)) = (declaration, &state.requested) else { return Ok(None) };
    let (Some(input), Some(principal)) = (input(world, id, begun, turn).await?, principal(state)) else {
        return Ok(None);
    };
    let started = Instant::now();
    let left = requested.deadline.duration_since(world.clock.now());
    let request = Request {
        operation_id: id,
        keyed: true,
        operation: declaration.name.to_owned(),
        actor: state.actor.clone(),
        input: input.clone(),
        principal,
        patience: Some(turn.patience),
        trace: begun.trace,
    };
    Ok(Some(Running {
        world,
        request,
        declaration,
        asked: declaration.ask(input, &world.remotes)?,
        started,
        requested_at: state.started_at.unwrap_or_default(),
        deadline: requested.deadline,
        found: Found::Nothing,
        entry: world.running.enter(id),
        time: Duration::try_from(left).unwrap_or_default(),
        handover: started.checked_add(turn.patience),
        begun: state.version,
    }))
}

/// What was asked: as the ledger has it, where that is all; else as the sandbox has kept it with the first run, if
/// that is what the ledger knows by its digest.
async fn input(world: &World, id: Uuid, begun: &Begun, turn: &Turn) -> Result<Option<Value>, Refusal> {
    let Some(requested) = &begun.state.requested else { return Ok(None) };
    if begun.deferred.input_whole {
        return Ok(Some(requested.input.clone()));
    }
    let Some(sandbox_id) = begun.deferred.sandbox_id.as_deref() else { return Ok(None) };
    let Ok(state) = world.sandboxes.state(sandbox_id).await else { return Ok(None) };
    let started = Instant::now();
    for round in 0..ROUNDS_LOOKED_AT {
        let line = loop {
            match world.sandboxes.envd().recall(sandbox_id, &tag(id, round), state.epoch, false).await {
                Ok(Recalled::Ended { line, .. }) => break line,
                Ok(Recalled::Running) | Err(SandboxError::Unavailable(_)) => {}
                Ok(Recalled::Nothing | Recalled::Blank) | Err(_) => return Ok(None),
            }
            if started.elapsed() > turn.patience {
                return Err(Refusal::Fault(
                    "its run is not at its end, and what was asked is with it".into(),
                ));
            }
            tokio::time::sleep(attach::BETWEEN_LOOKS).await;
        };
        let kept: Option<Value> = serde_json::from_str(&line).ok();
        let name = begun.state.name.as_deref().unwrap_or_default();
        if let Some(kept) = kept.filter(|input| digest(name, input) == requested.input_digest) {
            return Ok(Some(kept));
        }
    }
    Ok(None)
}

/// A run without a line has uploaded something; the next one may have one.
const ROUNDS_LOOKED_AT: usize = 3;

/// On whose authority: of the key that asked, for the operation's own repository and no other. What else the key
/// may is not recorded, and is not needed.
fn principal(state: &OperationState) -> Option<Principal> {
    let Some(key_id) = state.actor.key_id.clone() else { return Some(Principal::Operator) };
    let repos = match &state.repo {
        Some(repo) => vec![RepoPattern::new("repo", &repo.to_string()).ok()?],
        // Only a key for all repositories was let in to a sandbox that is for none.
        None => Vec::new(),
    };
    let grant = Grant { key_id, admin: false, read_only: false, repos };
    Some(Principal::Key(std::sync::Arc::new(grant)))
}

/// What the operation has.
enum Held {
    /// No sandbox yet: it is begun like any other.
    Nothing,
    /// Its own, still.
    Ours(Box<Leased>),
    /// Not any more.
    Lost,
}

async fn held(running: &Running<'_>, begun: &Begun) -> Result<Held, Refusal> {
    if let Place::Host(_) = running.asked.place() {
        let untouched = begun.state.sandboxes_requested.is_empty() && begun.deferred.sandbox_id.is_none();
        return Ok(if untouched { Held::Nothing } else { Held::Lost });
    }
    let Some(sandbox_id) = sandbox_id(running, begun).await? else { return Ok(Held::Nothing) };
    let sandboxes = &running.world.sandboxes;
    let is_ours = match sandboxes.state(&sandbox_id).await {
        Ok(state) => state.held.is_some_and(|held| held.operation_id == running.request.operation_id),
        Err(LeaseError::Ledger(error)) => return Err(error.into()),
        Err(_) => return Ok(Held::Lost),
    };
    if !is_ours {
        return Ok(if begun.deferred.sandbox_id.is_none() { Held::Nothing } else { Held::Lost });
    }
    let request = sandbox::request(running, &sandbox_id, Reuse::Named);
    let origin = Recorder::new(running, begun.state.repo.clone()).origin;
    match sandboxes.lease(&request, &origin).await {
        Ok(lease) => {
            let (workspace, new) = (Workspace::leased(&lease), lease.epoch == 1);
            let leased = Leased { lease, workspace, wait: Duration::ZERO, new, shared: false };
            Ok(Held::Ours(Box::new(leased)))
        }
        Err(LeaseError::Ledger(error)) => Err(error.into()),
        Err(_) => Ok(Held::Lost),
    }
}

/// The sandbox that it has: as it was left, as its caller named it, or as the fold of all events knows it.
async fn sandbox_id(running: &Running<'_>, begun: &Begun) -> Result<Option<String>, Refusal> {
    if let Some(id) = &begun.deferred.sandbox_id {
        return Ok(Some(id.clone()));
    }
    if let Place::Named(id) = running.asked.place() {
        return Ok(Some(id.to_owned()));
    }
    let folded = running.world.projector.caught_up().await?;
    Ok(folded.open.get(running.request.operation_id).and_then(|open| open.sandbox_id.clone()))
}

fn untouched(id: Uuid, events: &[Event]) -> Answer {
    let name = events.first().and_then(|event| event.event.operation.clone()).unwrap_or_default();
    Answer::unknown(id, &name, "the operation has not ended yet")
}
