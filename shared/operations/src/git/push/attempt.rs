//! How one push ended, and how long is waited before the next.

use std::time::Duration;

use gitledger_events::operation::SideEffect;

use super::porcelain::{self, Line};
use crate::failure::codes;
use crate::git::script::Script;
use crate::plan::{Ended, Exit};
use crate::{Code, Exits, Failure};

/// How one push ended, as far as its own exits tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The remote has it.
    Landed,
    /// The reference is not what it was.
    Superseded,
    /// The remote's rules do not allow it.
    Rejected,
    /// It failed before anything could land.
    Failed,
    /// It may have landed.
    Unclear,
}

/// Reads the exits of a push.
pub(super) fn read(script: &Script, exits: &Exits, reference: &str) -> Answer {
    let Some(push) = script.exit(exits, "push") else {
        // The plan ended before the push: our own check, or a stop from outside.
        return match script.stopped_at(exits) {
            Some("builds-upon") if exits.ended == Ended::Normally => Answer::Superseded,
            _ if exits.ended == Ended::Normally => Answer::Failed,
            _ => Answer::Unclear,
        };
    };
    match porcelain::read(&push.text(), reference) {
        Some(Line::Landed) => Answer::Landed,
        Some(Line::Superseded) => Answer::Superseded,
        Some(Line::Rejected) => Answer::Rejected,
        None if exits.ended != Ended::Normally || !is_before_sending(script, exits) => Answer::Unclear,
        None => Answer::Failed,
    }
}

/// True when git failed at a point from which nothing can have reached the remote.
fn is_before_sending(script: &Script, exits: &Exits) -> bool {
    let Some(push) = script.exit(exits, "push") else { return true };
    let own = own_words(push);
    !SENT.iter().any(|words| own.error_text().contains(words)) && BEFORE_SENDING.contains(&code(&own))
}

/// Why a push failed whose answer did not come: by git's own words where they say it, for what a hook printed may be
/// about the hook's own network.
pub(super) fn unanswered(script: &Script, exits: &Exits, failure: Failure) -> Failure {
    let own = script.exit(exits, "push").map(|push| code(&own_words(push)));
    match own.filter(|code| exits.ended == Ended::Normally && *code != codes::UNKNOWN_GIT_ERROR) {
        Some(code) => Failure { code, ..failure },
        None => failure,
    }
}

/// What git itself said, without what the remote made it print.
fn own_words(push: &Exit) -> Exit {
    let own = |line: &&str| !line.trim_start().starts_with("remote:");
    let stderr = push.error_text().lines().filter(own).collect::<Vec<_>>().join("\n");
    Exit { stderr: stderr.into_bytes(), ..push.clone() }
}

fn code(push: &Exit) -> Code {
    crate::failure::classify_exit(push, SideEffect::None).code
}

/// How git says that the connection on which it sent was lost.
const SENT: &[&str] = &["RPC failed", "hung up unexpectedly", "unexpected disconnect"];

const BEFORE_SENDING: &[Code] = &[
    codes::AUTH_REQUIRED,
    codes::AUTH_FAILED,
    codes::PERMISSION_DENIED,
    codes::REPOSITORY_NOT_FOUND,
    codes::REPOSITORY_MOVED,
    codes::RATE_LIMITED,
    codes::TRANSPORT_FORBIDDEN,
    codes::NOT_A_GIT_SERVER,
    codes::NETWORK_DNS,
    codes::NETWORK_CONNECT,
    codes::TLS_ERROR,
    codes::GIT_MISSING,
    codes::GIT_UNSUPPORTED,
    codes::NOT_A_REPOSITORY,
    codes::REPOSITORY_CORRUPT,
    codes::HISTORY_TRUNCATED,
    codes::REF_NOT_FOUND,
];

/// Waited before attempt `n` (from 2): up to 200 ms * 2^(n-1), never more than 2 s. `jitter` is one number
/// for the whole operation; each attempt takes another part of it, so that two who collide once do not
/// collide again.
pub(super) fn delay(attempt: u32, jitter: f64) -> Duration {
    if attempt < 2 {
        return Duration::ZERO;
    }
    let cap = (0.2 * 2f64.powi(i32::try_from(attempt - 1).unwrap_or(10).min(10))).min(2.0);
    let spread = (jitter.clamp(0.0, 1.0) + 0.618 * f64::from(attempt)).fract();
    Duration::from_secs_f64(cap * (0.1 + 0.9 * spread))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_are_bounded_and_differ_between_agents() {
        assert_eq!(delay(1, 0.5), Duration::ZERO);
        for attempt in 2..9 {
            for jitter in [0.0, 0.3, 1.0, f64::INFINITY] {
                let delay = delay(attempt, jitter);
                assert!(delay >= Duration::from_millis(20) && delay <= Duration::from_secs(2), "{delay:?}");
            }
        }
        assert_ne!(delay(2, 0.1), delay(2, 0.2));
    }
}
