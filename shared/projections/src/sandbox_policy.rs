//! The policy for sandboxes: how many wait in the pool, when an idle one is paused and when it ends, and who may
//! use whose. Pure: the functions and the simulation take the same one.
//!
//! Deliberately absent: what may be pushed, which is another policy in the same file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sandbox_state::SandboxState;

/// What holds for every sandbox, unless a caller asked for another life of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxPolicy {
    /// How many wait ready in the pool for whoever needs one; 0: none.
    pub pool: u32,
    /// An idle sandbox is paused after so many seconds; 0: never.
    pub pause_after_s: u64,
    /// A sandbox ends after so many seconds without use, paused or not.
    pub ttl_s: u64,
    /// Which sandbox that has the repository may be used again.
    pub reuse: ReuseRule,
    /// With [`ReuseRule::Repo`]: only what was idle for so many seconds is taken from another task.
    pub share_after_s: u64,
    /// Groups of agents that trust each other, by name, `*` for any characters. An agent always trusts itself.
    pub trust: Vec<Vec<String>>,
}

/// Which sandbox may be used again, best first. Never one of another API key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReuseRule {
    /// None: each clone gets one that nobody has used.
    Never,
    /// That of the same agent and task.
    #[default]
    Task,
    /// That of the same agent and task, else any with the same repository whose last agent trusts this one. What
    /// was not pushed there is lost.
    Repo,
}

impl Default for SandboxPolicy {
    fn default() -> Self {
        Self {
            pool: 0,
            pause_after_s: 120,
            ttl_s: 3600,
            reuse: ReuseRule::Task,
            share_after_s: 60,
            trust: Vec::new(),
        }
    }
}

impl SandboxPolicy {
    /// The rule that is broken, if one is.
    pub fn fault(&self) -> Option<&'static str> {
        if !(60..=86_400).contains(&self.ttl_s) {
            Some("sandboxes.ttl_s must be 60 to 86400")
        } else if self.pause_after_s != 0 && !(5..=86_400).contains(&self.pause_after_s) {
            Some("sandboxes.pause_after_s must be 0, or 5 to 86400")
        } else if self.pool > 100 {
            Some("sandboxes.pool must be at most 100")
        } else if self.trust.iter().flatten().any(String::is_empty) {
            Some("sandboxes.trust must name agents")
        } else {
            None
        }
    }

    /// Whether one agent may have what the other had. Nobody in particular trusts nobody but the like.
    pub fn trusts(&self, one: Option<&str>, other: Option<&str>) -> bool {
        let (Some(one), Some(other)) = (one, other) else { return one == other };
        let within = |group: &[String], agent: &str| group.iter().any(|pattern| fits(pattern, agent));
        one == other || self.trust.iter().any(|group| within(group, one) && within(group, other))
    }

    /// After how many seconds without use this sandbox is paused; `None`: never.
    pub fn pause_after_s(&self, sandbox: &SandboxState) -> Option<u64> {
        let after = sandbox.kept.pause_after_s.unwrap_or(self.pause_after_s);
        (after > 0).then_some(after)
    }

    /// After how many seconds without use this sandbox ends.
    pub fn ttl_s(&self, sandbox: &SandboxState) -> u64 {
        sandbox.kept.ttl_s.unwrap_or(self.ttl_s)
    }
}

/// `*` stands for any characters, also for none.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(head) else { return false };
    (0..=rest.len()).any(|at| rest.is_char_boundary(at) && fits(tail, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusting(groups: &[&[&str]]) -> SandboxPolicy {
        let group = |names: &&[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        SandboxPolicy { trust: groups.iter().map(group).collect(), ..SandboxPolicy::default() }
    }

    #[test]
    fn an_agent_trusts_itself_and_its_group_and_nobody_else() {
        let policy = trusting(&[&["a1", "a2"], &["build-*"]]);
        let trusts = |one, other| policy.trusts(Some(one), Some(other));
        assert!(trusts("a1", "a1") && trusts("a1", "a2") && trusts("x", "x"));
        assert!(trusts("build-1", "build-22"));
        assert!(!trusts("a1", "build-1") && !trusts("a1", "a3") && !trusts("a1", "a22"));
        assert!(policy.trusts(None, None) && !policy.trusts(None, Some("a1")));
        assert!(trusting(&[&["*"]]).trusts(Some("a1"), Some("anybody")));
        assert!(!SandboxPolicy::default().trusts(Some("a1"), Some("a2")));
    }

    #[test]
    fn a_policy_out_of_bounds_is_named() {
        let policy = SandboxPolicy::default();
        assert_eq!(policy.fault(), None);
        for wrong in [
            SandboxPolicy { ttl_s: 59, ..policy.clone() },
            SandboxPolicy { pause_after_s: 1, ..policy.clone() },
            SandboxPolicy { pool: 101, ..policy.clone() },
            trusting(&[&["a", ""]]),
        ] {
            assert!(wrong.fault().is_some(), "{wrong:?}");
        }
    }
}
