//! What the ledger says lives, against what E2B says lives. Pure.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use crate::control::Listed;

/// A sandbox that the ledger says lives, running or paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub sandbox_id: String,
    /// When its creation was recorded.
    pub created_at: Timestamp,
    /// True when it sleeps.
    pub paused: bool,
}

/// What has to be put right.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// It is not on E2B's list. E2B is asked for it by its id, and the ledger told what it says: a list is read in
    /// pages, and between two of them a sandbox may move from the later to the earlier.
    Missing {
        /// Which.
        sandbox_id: String,
    },
    /// It lives and the ledger does not know it, or says that it does not: it is killed.
    Leaked(Listed),
}

/// Compares. What is younger than `grace` is left alone on both sides: the list and the ledger are read at
/// two instants, and a creation in between is on its way into the other.
pub fn reconcile(listed: &[Listed], known: &[Known], now: Timestamp, grace: SignedDuration) -> Vec<Action> {
    let old = |since: Timestamp| now.duration_since(since) > grace;
    let listed_ids: HashSet<_> = listed.iter().map(|listed| listed.sandbox_id.as_str()).collect();
    let known_ids: HashMap<_, _> = known.iter().map(|known| (known.sandbox_id.as_str(), known)).collect();
    let missing = known
        .iter()
        .filter(|known| !listed_ids.contains(known.sandbox_id.as_str()) && old(known.created_at))
        .map(|known| Action::Missing { sandbox_id: known.sandbox_id.clone() });
    let leaked = listed
        .iter()
        .filter(|listed| !known_ids.contains_key(listed.sandbox_id.as_str()) && old(listed.started_at))
        .cloned()
        .map(Action::Leaked);
    missing.chain(leaked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::State;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn listed(id: &str, started: i64) -> Listed {
        Listed {
            sandbox_id: id.into(),
            template: "base".into(),
            started_at: at(started),
            end_at: at(9999),
            cpu_count: 2,
            memory_mb: 512,
            state: State::Running,
            metadata: None,
        }
    }

    fn known(id: &str, created: i64) -> Known {
        Known { sandbox_id: id.into(), created_at: at(created), paused: false }
    }

    #[test]
    fn each_side_is_told_what_the_other_knows() {
        let listed = [listed("both", 0), listed("leaked", 0), listed("being-made", 95)];
        let known = [known("both", 0), known("missing", 0), known("just-made", 95)];
        let actions = reconcile(&listed, &known, at(100), SignedDuration::from_secs(30));
        assert_eq!(
            actions,
            [Action::Missing { sandbox_id: "missing".into() }, Action::Leaked(listed[1].clone()),]
        );
    }
}
