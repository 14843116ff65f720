//! Which sandbox is taken: the order of reuse.

use gitledger_events::sandbox::Reuse;
use jiff::Timestamp;

use super::{Sandboxes, Wanted};
use crate::sandbox_policy::{ReuseRule, SandboxPolicy};
use crate::sandbox_state::{Phase, SandboxState};

/// A sandbox that may be taken, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Which.
    pub sandbox_id: String,
    /// Where the lease will say that it came from.
    pub reuse: Reuse,
    /// True when another task had it: what that left must be taken out first.
    pub shared: bool,
}

/// Where a sandbox stands in the order; less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It runs, with the repository, of the same agent and task.
    Own,
    /// It runs, is the same agent's, and no work is in it.
    Blank,
    /// It runs, with the repository, and was another task's.
    Shared,
    /// It sleeps, of the same agent and task.
    OwnAsleep,
    /// It sleeps, and was another task's.
    SharedAsleep,
    /// It waits in the pool.
    Warm,
}

impl Rank {
    fn reuse(self) -> Reuse {
        match self {
            Self::Own | Self::Blank | Self::Shared => Reuse::Ready,
            Self::OwnAsleep | Self::SharedAsleep => Reuse::Paused,
            Self::Warm => Reuse::Warm,
        }
    }
}

/// A sandbox that may be taken, with all that is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The sandbox.
    pub state: &'a SandboxState,
    /// Where the lease will say that it came from.
    pub reuse: Reuse,
    /// True when another task had it.
    pub shared: bool,
}

impl Sandboxes {
    /// The sandboxes that may be taken, in the order in which to try them: a ready one that has the repository,
    /// of the same agent and task before others, then one that sleeps, then one of the pool. When the list is
    /// used up, a new one is made.
    ///
    /// `fresh`: only what nobody has used. Never one of another API key.
    pub fn choices(
        &self,
        wanted: &Wanted<'_>,
        template: &str,
        fresh: bool,
        policy: &SandboxPolicy,
        now: Timestamp,
    ) -> Vec<Choice> {
        let choice = |candidate: Candidate<'_>| Choice {
            sandbox_id: candidate.state.id.clone(),
            reuse: candidate.reuse,
            shared: candidate.shared,
        };
        choose(self.live(), wanted, template, fresh, policy, now).into_iter().map(choice).collect()
    }
}

/// The choice itself, among any sandboxes: all that are alive, or those of a simulation that could be meant.
pub fn choose<'a>(
    states: impl Iterator<Item = &'a SandboxState>,
    wanted: &Wanted<'_>,
    template: &str,
    fresh: bool,
    policy: &SandboxPolicy,
    now: Timestamp,
) -> Vec<Candidate<'a>> {
    let rule = if fresh { ReuseRule::Never } else { policy.reuse };
    let ranked = |state: &'a SandboxState| {
        let used = if rule == ReuseRule::Never { None } else { rank(state, wanted, rule, policy, now) };
        let warm = || super::is_warm(state, template, wanted.until, now).then_some(Rank::Warm);
        Some((used.or_else(warm)?, state))
    };
    let mut found: Vec<_> = states.filter_map(ranked).collect();
    // Among equals the one that was used last is the likeliest to be still there; of the pool, the oldest.
    found.sort_by(|(rank, state), (other_rank, other)| {
        let oldest = |rank: Rank, state: &SandboxState| (rank == Rank::Warm).then_some(state.expires_at);
        let key = |rank: Rank, state: &SandboxState| {
            (rank, oldest(rank, state), std::cmp::Reverse(state.last_used_at))
        };
        key(*rank, state).cmp(&key(*other_rank, other)).then_with(|| state.id.cmp(&other.id))
    });
    let candidate = |(rank, state): (Rank, &'a SandboxState)| Candidate {
        state,
        reuse: rank.reuse(),
        shared: matches!(rank, Rank::Shared | Rank::SharedAsleep),
    };
    found.into_iter().map(candidate).collect()
}

fn rank(
    state: &SandboxState,
    wanted: &Wanted<'_>,
    rule: ReuseRule,
    policy: &SandboxPolicy,
    now: Timestamp,
) -> Option<Rank> {
    let lives = match state.phase {
        Phase::Running => state.expires_at.is_some_and(|at| at > now && at >= wanted.until),
        Phase::Paused => true,
        Phase::Unknown | Phase::Gone(_) => false,
    };
    if !lives || state.lease_at(now).is_some() || state.key_id.as_deref() != wanted.key_id {
        return None;
    }
    let asleep = |awake: Rank, asleep: Rank| if state.phase == Phase::Paused { asleep } else { awake };
    let (agent, task) = (state.actor.agent_id.as_deref(), state.actor.task_id.as_deref());
    let own = agent == wanted.agent_id && task == wanted.task_id;
    // Without a repository it was made ahead for a task, or waits in the pool.
    let ahead = own && agent.is_some() && state.repo.is_none() && state.epoch > 0;
    if !ahead && state.repo.as_ref() != Some(wanted.repo) {
        return None;
    }
    if own && !ahead {
        return Some(asleep(Rank::Own, Rank::OwnAsleep));
    }
    // What was never opened holds no work, so any task of the agent may have it.
    if state.workspace.is_none() && agent == wanted.agent_id {
        return Some(asleep(Rank::Blank, Rank::OwnAsleep));
    }
    let idle = state.idle_micros(now) >= policy.share_after_s.saturating_mul(1_000_000);
    let shared = rule == ReuseRule::Repo && idle && policy.trusts(agent, wanted.agent_id);
    shared.then(|| asleep(Rank::Shared, Rank::SharedAsleep))
}
