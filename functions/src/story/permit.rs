//! Whether whoever asks may have this done. Before anything is recorded.

use gitledger_events::operation::PushPrepared;
use gitledger_events::{Fact, Stream};
use gitledger_operations::failure::codes;
use gitledger_operations::lifecycle::Order;
use gitledger_operations::{Failure, Place, Plan, PushKind, PushPolicy, Remote};
use gitledger_sandboxes::LeaseError;
use gitledger_sandboxes::lease_state::LeaseState;

use super::running::Running;
use crate::Refusal;
use crate::access::Principal;

/// Checks what the key may, and whether there is money for it.
pub(crate) async fn check(running: &Running<'_>) -> Result<(), Refusal> {
    key(running).await?;
    budget(running).await
}

/// Refuses what would cost something where a budget is spent. What ends costs (pause, kill) and what only asks the
/// ledger is never in the way, nor is a repeat: its work is done.
async fn budget(running: &Running<'_>) -> Result<(), Refusal> {
    let world = running.world;
    if !world.spending.has_budgets() {
        return Ok(());
    }
    let (sandbox_id, repo_url) = match running.asked.place() {
        Place::Opens { repo_url, .. } => (None, Some(repo_url)),
        Place::Named(sandbox_id)
        | Place::Host(Order::Resume { sandbox_id } | Order::KeepAlive { sandbox_id, .. }) => {
            (Some(sandbox_id), None)
        }
        Place::Host(Order::Create { repo_url }) => (None, repo_url),
        Place::Host(Order::Warm { .. }) => (None, None),
        Place::Ledger
        | Place::Host(Order::Pause { .. } | Order::Kill { .. } | Order::Look { .. } | Order::Reap) => {
            return Ok(());
        }
    };
    if running.request.keyed {
        let stream = Stream::operation(running.request.operation_id);
        if !world.ledger.read_stream(&stream, 1).await?.is_empty() {
            return Ok(());
        }
    }
    let mut actor = running.request.actor.clone();
    let mut repo =
        repo_url.map(|url| world.remotes.admit("repo_url", url)).transpose()?.map(|url| url.repo());
    if let Some(id) = sandbox_id {
        let folded = world.projector.caught_up().await?;
        if let Some(known) = folded.sandboxes.get(id) {
            // Whoever does not say who he is works for whoever has the sandbox.
            actor.agent_id = actor.agent_id.or_else(|| known.actor.agent_id.clone());
            actor.task_id = actor.task_id.or_else(|| known.actor.task_id.clone());
            repo.clone_from(&known.repo);
        }
    }
    let (agent, task) = (actor.agent_id.as_deref(), actor.task_id.as_deref());
    match world.spending.refusal(agent, task, repo.as_ref(), world.clock.now()).await? {
        Some(rejection) => Err(rejection.into()),
        None => Ok(()),
    }
}

/// Checks the key against the operation's effect and the repository: of the URL where a sandbox is to be had,
/// else of the sandbox that is named, as the ledger knows it.
async fn key(running: &Running<'_>) -> Result<(), Refusal> {
    let principal = &running.request.principal;
    if *principal == Principal::Operator {
        return Ok(());
    }
    let (world, effect) = (running.world, running.declaration.effect);
    principal.check_effect(effect)?;
    match running.asked.place() {
        // What it finds is only what the key may see.
        Place::Ledger => Ok(()),
        Place::Host(order) => crate::lifecycle::permit(running, order).await,
        Place::Opens { repo_url, .. } => {
            let repo = world.remotes.admit("repo_url", repo_url)?.repo();
            principal.check_repo("repo_url", &repo)
        }
        Place::Named(sandbox_id) => {
            let state = match world.sandboxes.state(sandbox_id).await {
                Ok(state) => state,
                Err(LeaseError::Ledger(error)) => return Err(error.into()),
                // No such name: nobody's sandbox, of no repository.
                Err(_) => LeaseState::default(),
            };
            principal.check_use(effect, state.key_id.as_deref(), state.repo.as_ref())
        }
    }
}

/// The last word before a round, whatever the operation has asked itself: a credential goes to repositories
/// of the key only, and what is announced as a push is judged by the policy.
pub(crate) fn round(
    policy: &PushPolicy,
    principal: &Principal,
    plan: &Plan,
    announced: &[Fact],
) -> Result<(), Box<Failure>> {
    let Some(repo) = plan.remote.as_ref().map(Remote::repo) else { return Ok(()) };
    if principal.check_repo("repo_url", &repo).is_err() {
        return Err(Box::new(Failure::new(codes::POLICY_DENIED, format!("{repo} is not the API key's"))));
    }
    for fact in announced {
        if let Fact::PushPrepared(prepared) = fact {
            policy.judge(&repo, &prepared.reference, kind(prepared))?;
        }
    }
    Ok(())
}

fn kind(prepared: &PushPrepared) -> PushKind<'_> {
    match prepared {
        PushPrepared { new: None, .. } => PushKind::Delete,
        PushPrepared { force: true, old, .. } => PushKind::Force { expected: old.as_deref() },
        _ => PushKind::Forward,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gitledger_operations::Remotes;
    use gitledger_operations::policy::RepoPattern;

    use super::*;
    use crate::access::Grant;

    fn plan(url: &str) -> Plan {
        Plan { remote: Some(Remotes::default().admit("repo_url", url).unwrap()), ..Plan::default() }
    }

    fn push_of(branch: &str) -> Vec<Fact> {
        let reference = format!("refs/heads/{branch}");
        vec![
            PushPrepared { attempt: 1, reference, old: None, new: Some("1".repeat(40)), force: false }.into(),
        ]
    }

    #[test]
    fn a_push_that_no_operation_asked_for_is_judged_all_the_same() {
        let rules = serde_json::json!({"push": [{"repo": "github.com/acme/*", "protect": ["main"]}]});
        let policy: PushPolicy = serde_json::from_value(rules).unwrap();
        let judge = |url, branch| round(&policy, &Principal::Operator, &plan(url), &push_of(branch));
        assert!(judge("https://github.com/acme/app", "agent-a-1").is_ok());
        assert!(judge("https://github.com/other/app", "main").is_ok());
        let denied = judge("https://github.com/acme/app.git", "main").unwrap_err();
        assert_eq!(denied.code, codes::POLICY_DENIED);
    }

    #[test]
    fn a_credential_goes_to_repositories_of_the_key_only() {
        let repos = vec![RepoPattern::new("repo", "github.com/acme/*").unwrap()];
        let grant = Grant { key_id: "k1".to_owned(), admin: false, read_only: false, repos };
        let principal = Principal::Key(Arc::new(grant));
        let judge = |url| round(&PushPolicy::default(), &principal, &plan(url), &[]);
        assert!(judge("https://github.com/acme/app").is_ok());
        assert!(judge("https://github.com/other/app").is_err());
        assert!(round(&PushPolicy::default(), &principal, &Plan::default(), &[]).is_ok());
    }
}
