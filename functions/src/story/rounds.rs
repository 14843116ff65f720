//! The rounds: decide, announce, run, until it is done. The only loop around git.

use std::time::Duration;

use gitledger_events::Fact;
use gitledger_events::operation::{Effect, PushAttempted, PushOutcome, SideEffect};
use gitledger_operations::decision::Failure;
use gitledger_operations::failure::codes;
use gitledger_operations::{Context, Decision, Exits, Plan};
use gitledger_sandboxes::{Fence, SandboxError};

use super::attach::{self, Attached, ROUNDS_MAX, tag};
use super::outcome::{End, Work};
use super::permit;
use super::recorder::Recorder;
use super::running::Running;
use super::sandbox::Workspace;
use crate::Refusal;

/// Runs the operation in its sandbox.
pub(crate) async fn run(
    running: &Running<'_>,
    recorder: &mut Recorder,
    workspace: &Workspace,
    mut attached: bool,
) -> Result<Work, Refusal> {
    let world = running.world;
    let actor = recorder.origin.actor.clone();
    let context = Context {
        operation_id: running.request.operation_id,
        actor: &actor,
        sandbox_id: &workspace.sandbox_id,
        workspace: workspace.opened.as_ref(),
        remotes: &world.remotes,
        policy: &world.policy,
        requested_at: running.requested_at,
        found: &running.found,
        envelope: gitledger_operations::Envelope::NONE,
        jitter: jitter(running),
    };
    let mut rounds: Vec<Exits> = Vec::new();
    // True between a push that was announced and the word of how it ended.
    let mut pushing = false;
    let end = loop {
        match running.asked.decide(&context, &rounds) {
            Decision::Done(done) => break End::Done(done),
            Decision::Failed(failure) if failure.code == codes::UNKNOWN_OUTCOME => break End::Unknown,
            Decision::Failed(failure) => break End::Failed(failure),
            Decision::Run { announce, after, mut plan } => {
                let principal = &running.request.principal;
                if let Err(denied) = permit::round(&world.policy, principal, &plan, &announce) {
                    break if pushing { End::Unknown } else { End::Failed(denied) };
                }
                let before = pushing;
                let attempt = announce.iter().find_map(attempt);
                pushing = announce.iter().fold(pushing, still_pushing);
                if attached && fit(running, &mut plan) {
                    // What was run was announced before.
                    match attach::look(running, workspace, rounds.len(), &plan).await {
                        Attached::Ended(exits) => {
                            rounds.push(exits);
                            continue;
                        }
                        Attached::Running => break End::Deferred,
                        Attached::Stopped if pushing => break End::Unknown,
                        Attached::Stopped => break End::Failed(Box::new(attach::stopped(running))),
                        Attached::Nothing => attached = false,
                    }
                }
                if running.is_overdue() && attach::is_kept(running, &rounds) {
                    break End::Deferred;
                }
                recorder.append(world, announce).await?;
                // No time at all would still be a tick of the timer, a millisecond and more.
                if !after.is_zero() {
                    tokio::time::sleep(after).await;
                }
                if running.entry.is_cancelled() && !pushing {
                    break End::Failed(Box::new(cancelled(running, &rounds)));
                }
                if !fit(running, &mut plan) || rounds.len() >= ROUNDS_MAX {
                    break if pushing { End::Unknown } else { End::Failed(Box::new(late(running, &rounds))) };
                }
                let run = step(running, workspace, rounds.len(), &plan);
                match attach::patiently(running, &plan, run).await {
                    None => break End::Deferred,
                    Some(run) => match run {
                        Ok(exits) => rounds.push(exits),
                        // It was not begun, so nothing of this attempt was sent.
                        Err(SandboxError::Fenced) if !before => {
                            break End::Failed(Box::new(fenced(running, &rounds, attempt)));
                        }
                        Err(_) if pushing => break End::Unknown,
                        Err(error) => {
                            if error == SandboxError::NotFound {
                                super::sandbox::note_end(running, workspace).await;
                            }
                            break End::Failed(Box::new(lost(running, &error)));
                        }
                    },
                }
            }
        }
    };
    Ok(Work {
        end,
        sandbox_id: Some(workspace.sandbox_id.clone()),
        git: rounds.iter().map(|round| round.elapsed).sum(),
        wait: Duration::ZERO,
        bytes: rounds.iter().map(Exits::bytes).sum(),
    })
}

fn still_pushing(before: bool, fact: &Fact) -> bool {
    match fact {
        Fact::PushPrepared(_) => true,
        Fact::PushAttempted(attempted) => attempted.outcome == PushOutcome::Unknown,
        _ => before,
    }
}

fn attempt(fact: &Fact) -> Option<u32> {
    match fact {
        Fact::PushPrepared(prepared) => Some(prepared.attempt),
        _ => None,
    }
}

/// The sandbox refused a plan: another lease was used since. Before the first plan nothing was done.
fn fenced(running: &Running<'_>, rounds: &[Exits], attempt: Option<u32>) -> Failure {
    let mut failure = super::sandbox::failure(&SandboxError::Fenced);
    if running.declaration.effect != Effect::Reads && !rounds.is_empty() {
        failure.side_effect = SideEffect::Unknown;
    }
    let ended = |attempt| PushAttempted { attempt, outcome: PushOutcome::Failed };
    failure.facts.extend(attempt.map(ended).map(Fact::from));
    failure
}

/// The time was over before the end; what the rounds so far have left is not known.
fn late(running: &Running<'_>, rounds: &[Exits]) -> Failure {
    let mut failure = Failure::new(codes::TIMEOUT, "the operation's time was over before its end");
    if running.declaration.effect != Effect::Reads && !rounds.is_empty() {
        failure.side_effect = SideEffect::Unknown;
    }
    failure
}

/// It was asked to stop, and stopped before this plan.
fn cancelled(running: &Running<'_>, rounds: &[Exits]) -> Failure {
    let mut failure = Failure::new(codes::CANCELLED, "the operation was cancelled");
    if running.declaration.effect != Effect::Reads && !rounds.is_empty() {
        failure.side_effect = SideEffect::Unknown;
    }
    failure
}

async fn step(
    running: &Running<'_>,
    workspace: &Workspace,
    round: usize,
    plan: &Plan,
) -> Result<Exits, SandboxError> {
    let (sandboxes, sandbox_id) = (&running.world.sandboxes, &workspace.sandbox_id);
    let tag = tag(running.request.operation_id, round);
    let token = plan.remote.as_ref().and_then(|remote| running.world.tokens.for_remote(remote));
    let Some(epoch) = workspace.epoch else {
        return sandboxes.run(sandbox_id, &tag, plan, token).await;
    };
    let line = attach::line(running, plan).unwrap_or_default();
    sandboxes.run_fenced(sandbox_id, &tag, plan, token, Fence { epoch, line: &line }).await
}

/// Cuts a plan's time to what is left of the operation's; false when nothing is left.
fn fit(running: &Running<'_>, plan: &mut Plan) -> bool {
    let left = running.time.saturating_sub(running.started.elapsed());
    plan.timeout = plan.timeout.min(left);
    if plan.output_bytes == 0 {
        plan.output_bytes = running.declaration.budget.output_bytes;
    }
    left > Duration::from_secs(1)
}

/// The sandbox, not git, said no.
pub(crate) fn lost(running: &Running<'_>, error: &SandboxError) -> Failure {
    let mut failure = super::sandbox::failure(error);
    if running.declaration.effect != Effect::Reads && error.outcome_unknown() {
        failure.side_effect = SideEffect::Unknown;
    }
    failure
}

/// From 0 to 1, out of the operation's id: drawn once, the same in every replay.
fn jitter(running: &Running<'_>) -> f64 {
    let [.., high, low] = *running.request.operation_id.as_bytes();
    f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX)
}
