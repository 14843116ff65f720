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
    /// When E2B ends it, as far as the ledger knows.
    pub expires_at: Option<Timestamp>,
    /// True when it sleeps; then it does not expire.
    pub paused: bool,
}

/// What has to be put right.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// It is at its end: the ledger is told so.
    Expired {
        /// Which.
        sandbox_id: String,
    },
    /// It is gone and nobody here did it: the ledger is told so.
    Lost {
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
        .map(|known| {
            let sandbox_id = known.sandbox_id.clone();
            let expired = !known.paused && known.expires_at.is_some_and(|end| end <= now);
            if expired { Action::Expired { sandbox_id } } else { Action::Lost { sandbox_id } }
        });
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

    fn known(id: &str, created: i64, expires: i64, paused: bool) -> Known {
        Known { sandbox_id: id.into(), created_at: at(created), expires_at: Some(at(expires)), paused }
    }

    #[test]
    fn each_side_is_told_what_the_other_knows() {
        let listed = [listed("both", 0), listed("leaked", 0), listed("being-made", 95)];
        let known = [
            known("both", 0, 50, false),
            known("expired", 0, 50, false),
            known("lost", 0, 500, false),
            known("lost-asleep", 0, 50, true),
            known("just-made", 95, 500, false),
        ];
        let actions = reconcile(&listed, &known, at(100), SignedDuration::from_secs(30));
        assert_eq!(
            actions,
            [
                Action::Expired { sandbox_id: "expired".into() },
                Action::Lost { sandbox_id: "lost".into() },
                Action::Lost { sandbox_id: "lost-asleep".into() },
                Action::Leaked(listed[1].clone()),
            ]
        );
    }
}
