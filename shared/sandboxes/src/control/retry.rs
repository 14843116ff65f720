//! When a call is made again, and after how long. Pure.

use std::time::Duration;

/// Calls in all, the first included.
pub(crate) const ATTEMPTS_MAX: u32 = 4;
/// The longest pause: a caller waits for the answer.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What an answer said about trying again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hints {
    /// The `Should-Retry` header.
    pub(crate) should_retry: Option<bool>,
    /// The `Retry-After` header, in seconds.
    pub(crate) retry_after_s: Option<u64>,
}

/// How long to wait before the next attempt after an answer with this status; `None`: the answer stands.
/// `attempt` counts from 0. The host asking for a longer wait than a caller has is an answer too.
pub(crate) fn after_status(status: u16, hints: Hints, attempt: u32, jitter: f64) -> Option<Duration> {
    let wanted = hints.should_retry.unwrap_or(matches!(status, 429 | 502 | 503 | 504));
    if !wanted || attempt + 1 >= ATTEMPTS_MAX {
        return None;
    }
    match hints.retry_after_s {
        Some(seconds) if Duration::from_secs(seconds) > PAUSE_MAX => None,
        Some(seconds) => Some(Duration::from_secs(seconds).max(pause(attempt, jitter))),
        None => Some(pause(attempt, jitter)),
    }
}

/// 0.1 s doubled each time, of which between a half and the whole.
pub(crate) fn pause(attempt: u32, jitter: f64) -> Duration {
    let whole = Duration::from_millis(100).saturating_mul(2_u32.saturating_pow(attempt)).min(PAUSE_MAX);
    whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again_and_not_for_ever() {
        let none = Hints::default();
        for status in [429, 502, 503, 504] {
            assert!(after_status(status, none, 0, 0.5).is_some());
            assert!(after_status(status, none, ATTEMPTS_MAX - 1, 0.5).is_none());
        }
        for status in [200, 400, 401, 404, 409, 500] {
            assert!(after_status(status, none, 0, 0.5).is_none());
        }
    }

    #[test]
    fn the_host_has_the_last_word() {
        let no = Hints { should_retry: Some(false), ..Hints::default() };
        assert!(after_status(503, no, 0, 0.5).is_none());
        let yes = Hints { should_retry: Some(true), ..Hints::default() };
        assert!(after_status(500, yes, 0, 0.5).is_some());
        let later = Hints { retry_after_s: Some(2), ..Hints::default() };
        assert_eq!(after_status(429, later, 0, 0.5), Some(Duration::from_secs(2)));
        let much_later = Hints { retry_after_s: Some(60), ..Hints::default() };
        assert!(after_status(429, much_later, 0, 0.5).is_none());
    }

    #[test]
    fn pauses_grow_and_are_spread() {
        assert_eq!(pause(0, 0.0), Duration::from_millis(50));
        assert_eq!(pause(0, 1.0), Duration::from_millis(100));
        assert_eq!(pause(30, 1.0), PAUSE_MAX);
    }
}
