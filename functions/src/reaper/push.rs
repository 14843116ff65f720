//! A push whose function died after it was announced: the remote is asked, from a fresh sandbox.

use std::time::Duration;

use gitledger_events::Fact;
use gitledger_events::operation::{
    OperationFailed, OperationSucceeded, PushAttempted, PushOutcome, PushPrepared, RefChange,
    SandboxRequested, SideEffect, Timing,
};
use gitledger_events::sandbox::KillReason;
use gitledger_operations::failure::codes;
use gitledger_operations::git::push::{Verdict, verdict, verify};
use gitledger_operations::{Context, Remote};
use gitledger_projections::OperationState;
use gitledger_projections::open_operations::OpenOperation;
use gitledger_sandboxes::lease_state::Life;
use gitledger_sandboxes::{LeaseState, OpenRequest, Origin};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::story::Recorder;
use crate::{Refusal, World};

/// Between two looks at a reference that is not there: a server may still be taking the push in.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// What one look may take.
const LOOK: SignedDuration = SignedDuration::from_secs(120);

/// The facts that close the operation, or `None` while it cannot be told.
pub(super) async fn resolve(
    world: &World,
    orphan: &OpenOperation,
    state: &OperationState,
    prepared: &PushPrepared,
    recorder: &mut Recorder,
) -> Result<Option<Vec<Fact>>, Refusal> {
    // The sandbox that was pushed from. The one that was leased last may be that of an earlier look.
    let Some(id) = pushed_from(state) else { return Ok(None) };
    let Ok(sandbox) = world.sandboxes.state(id).await else { return Ok(None) };
    let url = sandbox.workspace.as_ref().map(|workspace| workspace.repo_url.as_str()).unwrap_or_default();
    let Ok(remote) = world.remotes.admit("repo_url", url) else { return Ok(None) };
    // As long as the pushing process may live, "not there" means "not there yet".
    let dead = is_dead(&sandbox, orphan.deadline, world.clock.now());
    let verdict = ask(world, orphan, prepared, &remote, recorder).await?;
    let attempt = prepared.attempt;
    Ok(match verdict {
        Verdict::Landed | Verdict::Superseded => Some(vec![
            PushAttempted { attempt, outcome: PushOutcome::Landed }.into(),
            succeeded(state, prepared, verdict == Verdict::Superseded).into(),
        ]),
        Verdict::NotLanded if dead => {
            Some(vec![PushAttempted { attempt, outcome: PushOutcome::Failed }.into(), failed(state).into()])
        }
        Verdict::NotLanded | Verdict::Unknown => None,
    })
}

fn pushed_from(state: &OperationState) -> Option<&str> {
    state.requested.as_ref()?.sandbox_id.as_deref()
}

fn is_dead(sandbox: &LeaseState, deadline: Timestamp, now: Timestamp) -> bool {
    sandbox.life == Life::Gone || now > deadline
}

/// Looks at the remote's reference; when the push is not there, a second time after a while.
async fn ask(
    world: &World,
    orphan: &OpenOperation,
    prepared: &PushPrepared,
    remote: &Remote,
    recorder: &mut Recorder,
) -> Result<Verdict, Refusal> {
    let wanted = SandboxRequested {
        request_id: world.clock.id(),
        template: world.template.clone(),
        timeout_s: world.sandbox_ttl_s,
    };
    recorder.append(world, vec![wanted.clone().into()]).await?;
    let request = OpenRequest {
        request_id: wanted.request_id,
        operation_id: orphan.id,
        template: Some(wanted.template),
        life: Duration::from_secs(wanted.timeout_s),
        until: world.clock.now().saturating_add(LOOK).unwrap_or(Timestamp::MAX),
    };
    let lease = match world.sandboxes.open(&request, &recorder.origin).await {
        Ok(lease) => lease,
        Err(error) => {
            tracing::warn!(%error, operation = %orphan.id, "no sandbox to ask the remote from; the next round tries again");
            return Ok(Verdict::Unknown);
        }
    };
    let mut seen = look(world, orphan, prepared, remote, &lease.sandbox_id, 1).await;
    if seen == Verdict::NotLanded {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        seen = look(world, orphan, prepared, remote, &lease.sandbox_id, 2).await;
    }
    end(world, &lease.sandbox_id, &recorder.origin).await;
    Ok(seen)
}

async fn look(
    world: &World,
    orphan: &OpenOperation,
    prepared: &PushPrepared,
    remote: &Remote,
    sandbox_id: &str,
    number: u32,
) -> Verdict {
    let context = Context {
        operation_id: orphan.id,
        actor: &orphan.actor,
        sandbox_id,
        workspace: None,
        remotes: &world.remotes,
        requested_at: orphan.requested_at,
        jitter: 0.0,
    };
    let plan = verify(&context, remote, prepared);
    let tag = format!("{}-verify-{number}", orphan.id);
    match world.sandboxes.run(sandbox_id, &tag, &plan, world.tokens.for_remote(remote)).await {
        Ok(exits) => verdict(&exits, prepared),
        Err(error) => {
            tracing::warn!(%error, operation = %orphan.id, "the remote could not be asked");
            Verdict::Unknown
        }
    }
}

async fn end(world: &World, sandbox_id: &str, origin: &Origin) {
    if let Err(error) = world.sandboxes.kill(sandbox_id, KillReason::Unused, origin).await {
        tracing::warn!(%error, sandbox_id, "sandbox not killed; the next round does");
    }
}

fn succeeded(state: &OperationState, prepared: &PushPrepared, superseded: bool) -> OperationSucceeded {
    let branch = prepared.reference.trim_start_matches("refs/heads/");
    let output = json!({
        "commit_hash": prepared.new,
        "pushed_branch": branch,
        "attempt": prepared.attempt,
        "remote_before": prepared.old,
        "superseded": superseded,
    });
    OperationSucceeded {
        sandbox_id: pushed_from(state).map(str::to_owned),
        timing: Timing::default(),
        head_before: None,
        head_after: Some(prepared.new.clone()),
        refs_changed: vec![RefChange {
            name: prepared.reference.clone(),
            old: prepared.old.clone(),
            new: Some(prepared.new.clone()),
        }],
        bytes: 0,
        output: Some(output),
        recovered: true,
    }
}

fn failed(state: &OperationState) -> OperationFailed {
    let code = codes::SANDBOX_LOST;
    OperationFailed {
        sandbox_id: pushed_from(state).map(str::to_owned),
        timing: Timing::default(),
        code: code.name.to_owned(),
        error_type: code.error_type.as_str().to_owned(),
        retryable: code.retryable,
        side_effect: SideEffect::None,
        message: "its function died during the push; the remote was asked twice and does not have it"
            .to_owned(),
        remedy: code.remedy.map(str::to_owned),
        output: None,
        recovered: true,
    }
}
