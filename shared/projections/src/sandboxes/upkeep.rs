//! What is to be done about sandboxes that nobody asks for: pause the idle, end the forgotten, fill the pool.

use jiff::Timestamp;

use super::Sandboxes;
use crate::sandbox_policy::SandboxPolicy;
use crate::sandbox_state::{OpenRequest, Phase, SandboxState};

/// What the policy wants done at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// They run and had nothing to do for long enough to be paused.
    pub pause: Vec<String>,
    /// They sleep and had nothing to do for long enough to be ended.
    pub end: Vec<String>,
    /// So many are missing in the pool.
    pub missing: u32,
}

/// What is to be done with one sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It is to be paused.
    Pause,
    /// It is to be ended.
    End,
}

impl Sandboxes {
    /// What the policy wants done now. A sandbox of the pool is not idle: waiting is its work.
    pub fn upkeep(&self, template: &str, policy: &SandboxPolicy, now: Timestamp) -> Upkeep {
        let mut upkeep = Upkeep::default();
        for state in self.live() {
            match due(state, policy, now) {
                Some(Due::Pause) => upkeep.pause.push(state.id.clone()),
                Some(Due::End) => upkeep.end.push(state.id.clone()),
                None => {}
            }
        }
        upkeep.missing = self.missing(policy.pool, template, policy, now);
        upkeep
    }

    /// How many of so many that are to wait in the pool nobody makes yet.
    pub fn missing(&self, pool: u32, template: &str, policy: &SandboxPolicy, now: Timestamp) -> u32 {
        let coming = |request: &&OpenRequest| {
            request.for_pool && !request.operation_ended && request.template == template
        };
        let coming = u32::try_from(self.requests.values().filter(coming).count()).unwrap_or(u32::MAX);
        pool.saturating_sub(self.pooled(template, policy, now)).saturating_sub(coming)
    }

    /// How many wait in the pool and will for a while: one about to expire is replaced before it does.
    pub fn pooled(&self, template: &str, policy: &SandboxPolicy, now: Timestamp) -> u32 {
        pooled(self.live(), template, policy, now)
    }
}

/// What the policy wants done with one sandbox now.
pub fn due(state: &SandboxState, policy: &SandboxPolicy, now: Timestamp) -> Option<Due> {
    if state.lease_at(now).is_some() || state.waits_in_pool() {
        return None;
    }
    let idle = idle_s(state, now);
    match state.phase {
        Phase::Running => (state.runs(now) && tired(policy, state, idle)).then_some(Due::Pause),
        // E2B ends a running one itself; a sleeping one it keeps.
        Phase::Paused => {
            let kept = state.kept_until.is_some_and(|until| now < until);
            (!kept && idle >= policy.ttl_s(state)).then_some(Due::End)
        }
        Phase::Unknown | Phase::Gone(_) => None,
    }
}

/// How many of these wait in the pool and will for a while.
pub fn pooled<'a>(
    states: impl Iterator<Item = &'a SandboxState>,
    template: &str,
    policy: &SandboxPolicy,
    now: Timestamp,
) -> u32 {
    let soon = jiff::SignedDuration::from_secs(i64::try_from(policy.ttl_s / 8).unwrap_or(0));
    let until = now.saturating_add(soon).unwrap_or(now);
    let waiting = states.filter(|state| super::is_warm(state, template, until, now)).count();
    u32::try_from(waiting).unwrap_or(u32::MAX)
}

fn tired(policy: &SandboxPolicy, state: &SandboxState, idle_s: u64) -> bool {
    policy.pause_after_s(state).is_some_and(|after| idle_s >= after)
}

fn idle_s(state: &SandboxState, now: Timestamp) -> u64 {
    state.idle_micros(now) / 1_000_000
}
