//! What the sandbox itself tells of an operation whose function died: the runs that it left behind.
//!
//! The epoch is raised first, so that nothing of the dead function's can begin any more. Then each round is
//! read as its function would have read it. Nothing is run again.

use gitledger_events::operation::{OperationAbandoned, SideEffect, Timing};
use gitledger_events::sandbox::{Reuse, WorkspaceOpened};
use gitledger_events::{Fact, Stream};
use gitledger_operations::plan::Exits;
use gitledger_operations::record::{Found, Wants};
use gitledger_operations::{Asked, Context, Decision, table};
use gitledger_projections::OperationState;
use gitledger_projections::open_operations::OpenOperation;
use gitledger_sandboxes::lease_state::Life;
use gitledger_sandboxes::{Lease, LeaseError, LeaseRequest, Origin, Recalled, SandboxError};
use jiff::SignedDuration;
use serde_json::Value;

use crate::request::digest;
use crate::story::attach::{ROUNDS_MAX, tag};
use crate::story::recovered;
use crate::{Refusal, World};

/// How long the reaper has the workspace, to look.
const LOOK: SignedDuration = SignedDuration::from_secs(60);
/// So long after its deadline a sandbox that cannot be asked is waited for.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// What came of looking.
pub(super) enum Seen {
    /// It cannot be told yet.
    NotYet,
    /// This closes the operation.
    Closed(Box<Closing>),
}

/// The end of an operation, and of the lease that the reaper has taken for it.
#[derive(Default)]
pub(super) struct Closing {
    /// For the operation's stream.
    pub facts: Vec<Fact>,
    /// For the sandbox's, with the release.
    pub opened: Option<WorkspaceOpened>,
    /// The reaper's lease.
    pub lease: Option<Lease>,
}

impl Closing {
    fn abandoned(reason: &str, side_effect: SideEffect) -> Self {
        let reason = format!("its function died {reason}; nothing of it landed on the remote");
        Self { facts: vec![OperationAbandoned { reason, side_effect }.into()], ..Self::default() }
    }
}

/// Asks the sandbox what became of an operation that sent nothing to a remote.
pub(super) async fn look(
    world: &World,
    orphan: &OpenOperation,
    state: &OperationState,
    origin: &Origin,
) -> Result<Seen, Refusal> {
    let none = |reason| Ok(Seen::Closed(Box::new(Closing::abandoned(reason, SideEffect::None))));
    let unknown = |reason| Ok(Seen::Closed(Box::new(Closing::abandoned(reason, SideEffect::Unknown))));
    let Some(sandbox_id) = orphan.sandbox_id.as_deref() else {
        return none("before it had a sandbox");
    };
    match world.sandboxes.state(sandbox_id).await {
        Ok(sandbox) if sandbox.life == Life::Gone => return none("and its sandbox with it"),
        Ok(_) => {}
        Err(LeaseError::NotFound) => return none("and there is no such sandbox"),
        Err(error) => return Err(Refusal::Fault(error.to_string())),
    }
    let first = match tenure(world, orphan, sandbox_id).await? {
        Tenure::Never => return none("before it had the workspace"),
        Tenure::Over => return unknown("and others have had the workspace since"),
        Tenure::Last { first } => first,
    };
    let late = world.clock.now().duration_since(orphan.deadline);
    let lease = match hold(world, orphan, sandbox_id, origin).await {
        Ok(lease) => lease,
        Err(LeaseError::Ledger(error)) => return Err(error.into()),
        Err(LeaseError::Gone) => return none("and its sandbox with it"),
        Err(error) if late > PATIENCE => {
            return unknown(&format!("and the sandbox cannot be asked: {error}"));
        }
        Err(_) => return Ok(Seen::NotYet),
    };
    match told(world, orphan, state, &lease, late.is_positive(), first).await {
        Ok(Some(closing)) => Ok(Seen::Closed(Box::new(Closing { lease: Some(lease), ..closing }))),
        Ok(None) => Ok(Seen::NotYet),
        Err(SandboxError::NotFound) => none("and its sandbox with it"),
        Err(error) if late > PATIENCE => {
            let closing =
                Closing::abandoned(&format!("and the sandbox cannot be asked: {error}"), SideEffect::Unknown);
            Ok(Seen::Closed(Box::new(Closing { lease: Some(lease), ..closing })))
        }
        Err(error) => {
            tracing::info!(%error, operation = %orphan.id, "the sandbox cannot be asked; the next round tries again");
            Ok(Seen::NotYet)
        }
    }
}

/// Ends whatever an operation may still run in its sandbox, and keeps what is late out. True when that is
/// certain.
pub(super) async fn quiet(world: &World, orphan: &OpenOperation, sandbox_id: &str, origin: &Origin) -> bool {
    let lease = match hold(world, orphan, sandbox_id, origin).await {
        Ok(lease) => lease,
        // Who has it now ends earlier runs itself.
        Err(LeaseError::Gone) => return true,
        Err(_) => return false,
    };
    let told = world.sandboxes.envd().recall(sandbox_id, &tag(orphan.id, 0), lease.epoch, true).await;
    if let Err(error) = world.sandboxes.release(&lease, Vec::new()).await {
        tracing::info!(%error, sandbox_id, "the reaper's lease was not released; it lapses");
    }
    matches!(told, Ok(_) | Err(SandboxError::NotFound))
}

/// An operation's time with a workspace.
enum Tenure {
    /// It never had it.
    Never,
    /// It was the last to have it, perhaps the first too.
    Last { first: bool },
    /// Others have had it since, and may have tidied its traces away.
    Over,
}

async fn tenure(world: &World, orphan: &OpenOperation, sandbox_id: &str) -> Result<Tenure, Refusal> {
    let Ok(stream) = Stream::sandbox(sandbox_id) else { return Ok(Tenure::Never) };
    let records = world.ledger.read_stream(&stream, 1).await?;
    let leases = records.iter().filter_map(|record| match record.fact() {
        Ok(Fact::SandboxLeased(leased)) => Some(leased),
        _ => None,
    });
    let mut found = Tenure::Never;
    for leased in leases {
        let ours = leased.operation_id == orphan.id;
        found = match found {
            Tenure::Last { first } if ours => Tenure::Last { first },
            _ if ours => Tenure::Last { first: leased.epoch == 1 },
            Tenure::Never => Tenure::Never,
            Tenure::Last { .. } | Tenure::Over => Tenure::Over,
        };
    }
    Ok(found)
}

/// Takes the workspace for a look: the orphan's own lease while that lasts, else a new one, with a later epoch.
async fn hold(
    world: &World,
    orphan: &OpenOperation,
    sandbox_id: &str,
    origin: &Origin,
) -> Result<Lease, LeaseError> {
    let request = LeaseRequest {
        sandbox_id: sandbox_id.to_owned(),
        operation_id: orphan.id,
        until: world.clock.now().saturating_add(LOOK).unwrap_or(jiff::Timestamp::MAX),
        reuse: Reuse::Named,
    };
    let mut lease = world.sandboxes.lease(&request, origin).await?;
    if lease.state.life == Life::Paused {
        let life = std::time::Duration::from_secs(world.sandbox_policy.ttl_s);
        world.sandboxes.resume(&mut lease, life).await?;
    }
    Ok(lease)
}

/// Goes through the rounds as their function would have. `stop`: its time is over, so that nothing of it may
/// go on. `first`: nobody had the sandbox before it, so that there need be no traces of anybody.
#[allow(clippy::fn_params_excessive_bools)] // two facts
async fn told(
    world: &World,
    orphan: &OpenOperation,
    state: &OperationState,
    lease: &Lease,
    stop: bool,
    first: bool,
) -> Result<Option<Closing>, SandboxError> {
    let mut asked = None;
    let mut rounds: Vec<Exits> = Vec::new();
    while rounds.len() < ROUNDS_MAX {
        let tag = tag(orphan.id, rounds.len());
        let kept = match world.sandboxes.envd().recall(&lease.sandbox_id, &tag, lease.epoch, stop).await? {
            Recalled::Running => return Ok(None),
            Recalled::Blank if !first => {
                return Ok(Some(Closing::abandoned("and its traces are gone", SideEffect::Unknown)));
            }
            Recalled::Nothing | Recalled::Blank if rounds.is_empty() => {
                return Ok(Some(Closing::abandoned("before git was started", SideEffect::None)));
            }
            Recalled::Nothing | Recalled::Blank => {
                let reason = format!("after round {} of its work, before the next", rounds.len());
                return Ok(Some(Closing::abandoned(&reason, SideEffect::Unknown)));
            }
            Recalled::Ended { line, kept } => {
                asked = asked.or_else(|| understood(world, orphan, state, &line));
                kept
            }
        };
        let Some(asked) = asked.as_deref() else {
            let reason = format!("and git came to the end of {} steps, which cannot be read", kept.steps());
            return Ok(Some(Closing::abandoned(&reason, SideEffect::Unknown)));
        };
        let plan = match decide(world, orphan, lease, asked, &rounds) {
            Decision::Run { plan, .. } => plan,
            // The policy or the remotes are not what they were, and no later look would find them so.
            Decision::Done(_) | Decision::Failed(_) => {
                let reason =
                    format!("in round {}, which the policy of now would not begin", rounds.len() + 1);
                return Ok(Some(Closing::abandoned(&reason, SideEffect::Unknown)));
            }
        };
        let Some(exits) = kept.exits(&plan) else {
            let (done, all) = (kept.steps(), plan.steps.len());
            let reason = format!("and git was stopped after {done} of {all} steps");
            return Ok(Some(Closing::abandoned(&reason, SideEffect::Unknown)));
        };
        rounds.push(exits);
        let (facts, opened) = match decide(world, orphan, lease, asked, &rounds) {
            Decision::Run { .. } => continue,
            Decision::Done(done) => {
                let opened = done.opened.clone();
                (recovered::done(orphan, &lease.sandbox_id, *done, timing(&rounds)), opened)
            }
            Decision::Failed(failure) => {
                (recovered::failed(&lease.sandbox_id, *failure, timing(&rounds)), None)
            }
        };
        return Ok(Some(Closing { facts, opened, lease: None }));
    }
    Ok(Some(Closing::abandoned("after more rounds than any operation takes", SideEffect::Unknown)))
}

fn timing(rounds: &[Exits]) -> Timing {
    let git: std::time::Duration = rounds.iter().map(|round| round.elapsed).sum();
    Timing { duration_ms: git.into(), git_ms: git.into(), ..Timing::default() }
}

/// What was asked: as the sandbox has kept it, if that is what the ledger knows by its digest; else as the
/// ledger has it, where that is still an input.
fn understood(
    world: &World,
    orphan: &OpenOperation,
    state: &OperationState,
    line: &str,
) -> Option<Box<dyn Asked>> {
    let declaration = table::find(orphan.name.as_deref()?)?;
    let requested = state.requested.as_ref()?;
    let kept: Option<Value> = serde_json::from_str(line).ok();
    let kept = kept.filter(|input| digest(declaration.name, input) == requested.input_digest);
    let input = kept.unwrap_or_else(|| requested.input.clone());
    let asked = declaration.ask(input, &world.remotes).ok()?;
    (asked.wants() == Wants::Nothing).then_some(asked)
}

fn decide(
    world: &World,
    orphan: &OpenOperation,
    lease: &Lease,
    asked: &dyn Asked,
    rounds: &[Exits],
) -> Decision<gitledger_operations::declaration::Answered> {
    let context = Context {
        operation_id: orphan.id,
        actor: &orphan.actor,
        sandbox_id: &lease.sandbox_id,
        workspace: lease.state.workspace.as_ref(),
        remotes: &world.remotes,
        policy: &world.policy,
        requested_at: orphan.requested_at,
        found: &Found::Nothing,
        envelope: gitledger_operations::Envelope::NONE,
        jitter: 0.0,
    };
    asked.decide(&context, rounds)
}
