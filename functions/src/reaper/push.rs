//! A push whose function died after it was announced: the remote is asked, from a fresh sandbox.

use std::time::Duration;

use gitledger_events::operation::{
    OperationAbandoned, OperationFailed, OperationSucceeded, PushAttempted, PushOutcome, PushPrepared,
    RefChange, SandboxRequested, SideEffect, Timing,
};
use gitledger_events::sandbox::KillReason;
use gitledger_events::{Event, Fact};
use gitledger_operations::failure::codes;
use gitledger_operations::git::push::{Verdict, verdict, verify};
use gitledger_operations::{Context, Remote};
use gitledger_projections::OperationState;
use gitledger_projections::open_operations::OpenOperation;
use gitledger_sandboxes::lease_state::Life;
use gitledger_sandboxes::{OpenRequest, Origin};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::recall;
use crate::story::recorder::Recorder;
use crate::{Refusal, World};

/// Between two looks at a reference that is not there: a server may still be taking the push in.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// What one look may take.
const LOOK: SignedDuration = SignedDuration::from_secs(120);

/// After the first look the next is this much later, then twice as much, and so on.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(10);
/// So many looks in about three hours; then a person has to look.
const LOOKS_MAX: u32 = 10;
/// After this long nobody looks any more, whatever kept the looks from happening.
const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Whether it is time to look again. Each look costs a sandbox, so they become rarer, and they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Not yet.
    Wait,
    /// Now.
    Look,
    /// Never again.
    Exhausted,
}

impl Patience {
    /// Out of the operation's own stream: each look is announced there by the sandbox it asks for.
    pub fn of(events: &[Event], now: Timestamp) -> Self {
        let began = events.first().map_or(now, |first| first.event.recorded_at);
        let is_look = |event: &&Event| matches!(event.event.fact, Fact::SandboxRequested(_));
        let looks = u32::try_from(events.iter().filter(is_look).count()).unwrap_or(u32::MAX);
        if looks >= LOOKS_MAX || now.duration_since(began) > GIVEN_UP_AFTER {
            return Self::Exhausted;
        }
        let last = events.iter().rev().find(is_look).map(|event| event.event.recorded_at);
        let pause = FIRST_PAUSE.saturating_mul(1 << looks.saturating_sub(1));
        match last {
            Some(last) if now.duration_since(last) < pause => Self::Wait,
            _ => Self::Look,
        }
    }
}

/// The facts that close the operation, or `None` while it cannot be told.
pub(super) async fn resolve(
    world: &World,
    orphan: &OpenOperation,
    state: &OperationState,
    prepared: &PushPrepared,
    patience: Patience,
    recorder: &mut Recorder,
) -> Result<Option<Vec<Fact>>, Refusal> {
    match patience {
        Patience::Wait => return Ok(None),
        Patience::Exhausted => return Ok(Some(vec![given_up(prepared).into()])),
        Patience::Look => {}
    }
    // The sandbox that was pushed from. The one that was leased last may be that of an earlier look.
    let Some(id) = pushed_from(state) else { return Ok(None) };
    let Ok(sandbox) = world.sandboxes.state(id).await else { return Ok(None) };
    let url = sandbox.workspace.as_ref().map(|workspace| workspace.repo_url.as_str()).unwrap_or_default();
    let Ok(remote) = world.remotes.admit("repo_url", url) else { return Ok(None) };
    // As long as the pushing process may live, "not there" means "not there yet". After the deadline it is
    // ended, where its sandbox can be reached, and kept out if it was never begun.
    let late = world.clock.now() > orphan.deadline;
    if sandbox.life != Life::Gone && late && !recall::quiet(world, orphan, id, &recorder.origin).await {
        tracing::info!(operation = %orphan.id, "the sandbox of a push cannot be asked");
    }
    let dead = sandbox.life == Life::Gone || late;
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
        // Something else is there: that will not change by waiting.
        Verdict::Replaced => Some(vec![given_up(prepared).into()]),
        Verdict::NotLanded | Verdict::Unknown => None,
    })
}

fn given_up(prepared: &PushPrepared) -> OperationAbandoned {
    let reference = &prepared.reference;
    let what = match &prepared.new {
        Some(new) => format!("the push of {new} to {reference}"),
        None => format!("the deletion of {reference}"),
    };
    let reason = format!("its function died during {what}, and the remote does not tell what became of it");
    OperationAbandoned { reason, side_effect: SideEffect::Unknown }
}

fn pushed_from(state: &OperationState) -> Option<&str> {
    state.requested.as_ref()?.sandbox_id.as_deref()
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
        timeout_s: world.sandbox_policy.ttl_s,
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
        policy: &world.policy,
        requested_at: orphan.requested_at,
        found: &gitledger_operations::record::Found::Nothing,
        envelope: gitledger_operations::Envelope::NONE,
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
    let output = match &prepared.new {
        Some(new) => json!({
            "commit_hash": new,
            "pushed_branch": branch,
            "reference": prepared.reference,
            "attempt": prepared.attempt,
            "remote_before": prepared.old,
            "superseded": superseded,
        }),
        None => json!({
            "reference": prepared.reference,
            "remote_before": prepared.old,
            "changed": true,
            "attempts": prepared.attempt,
        }),
    };
    OperationSucceeded {
        sandbox_id: pushed_from(state).map(str::to_owned),
        timing: Timing::default(),
        head_before: None,
        head_after: prepared.new.clone().filter(|_| pushes_head(state)),
        refs_changed: vec![RefChange {
            name: prepared.reference.clone(),
            old: prepared.old.clone(),
            new: prepared.new.clone(),
        }],
        bytes: 0,
        output: Some(output),
        recovered: true,
    }
}

/// Whether it was the current branch that was pushed, and not something that the input names.
fn pushes_head(state: &OperationState) -> bool {
    let named = |field: &str| state.requested.as_ref().is_some_and(|it| it.input[field].is_string());
    !named("source") && !named("tag")
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
        message: "its function died during the push; the remote was asked twice and does not show it"
            .to_owned(),
        remedy: code.remedy.map(str::to_owned),
        output: None,
        recovered: true,
    }
}

#[cfg(test)]
mod tests {
    use gitledger_events::{Actor, NewEvent, Stream};
    use uuid::Uuid;

    use super::*;

    fn event(second: i64, fact: impl Into<Fact>) -> Event {
        let recorded_at = Timestamp::from_second(second).unwrap();
        let event = NewEvent {
            id: Uuid::nil(),
            recorded_at,
            operation: None,
            actor: Actor::default(),
            repo: None,
            correlation_id: Uuid::nil(),
            causation_id: None,
            fact: fact.into(),
        };
        Event { stream: Stream::operation(Uuid::nil()), version: 1, event }
    }

    fn prepared(second: i64) -> Event {
        event(
            second,
            PushPrepared {
                attempt: 1,
                reference: "r".into(),
                old: None,
                new: Some("n".into()),
                force: false,
            },
        )
    }

    fn look(second: i64) -> Event {
        event(second, SandboxRequested { request_id: Uuid::nil(), template: "base".into(), timeout_s: 60 })
    }

    fn patience(events: &[Event], second: i64) -> Patience {
        Patience::of(events, Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn looks_become_rarer_and_end() {
        assert_eq!(patience(&[prepared(0)], 1), Patience::Look);
        let two = [prepared(0), look(1), look(20)];
        assert_eq!(patience(&two, 39), Patience::Wait);
        assert_eq!(patience(&two, 40), Patience::Look);
        let many: Vec<Event> = std::iter::once(prepared(0)).chain((0..10).map(look)).collect();
        assert_eq!(patience(&many, 20), Patience::Exhausted);
    }

    #[test]
    fn after_a_day_nobody_looks_any_more() {
        assert_eq!(patience(&[prepared(0)], 24 * 3600 + 1), Patience::Exhausted);
    }
}
