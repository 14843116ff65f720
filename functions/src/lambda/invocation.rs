//! One invocation: how long it may take, and which trace it belongs to.

use std::time::{Duration, Instant};

use gitledger_sandboxes::Trace;
use jiff::Timestamp;
use lambda_runtime::Context;

use crate::trigger::Http;

/// What an invocation needs at its end, to record that it is not at its end: of its time as the platform counts it.
const RESERVE: Duration = Duration::from_secs(8);

/// What the platform says about an invocation.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// Its id; the same when it is tried again.
    pub request_id: String,
    /// True for the first of its process.
    pub cold: bool,
    pub began: Instant,
    /// How long it may take; `None` where that is not known.
    pub time: Option<Duration>,
    /// The trace that the platform names.
    pub trace: Option<Trace>,
}

impl Invocation {
    pub fn of(context: &Context, cold: bool, now: Timestamp) -> Self {
        let now_ms = u64::try_from(now.as_millisecond()).unwrap_or_default();
        // cargo-lambda sends a constant from the year 1970: then nobody knows.
        let left_ms = context.deadline.saturating_sub(now_ms);
        Self {
            request_id: context.request_id.clone(),
            cold,
            began: Instant::now(),
            time: (left_ms > 0).then(|| Duration::from_millis(left_ms)),
            trace: context.xray_trace_id.as_deref().and_then(Trace::xray),
        }
    }

    /// How long work may take that somebody else can go on with.
    pub fn patience(&self) -> Option<Duration> {
        let left = self.time?.saturating_sub(self.began.elapsed());
        Some(left.saturating_sub(RESERVE.min(left / 2)))
    }

    /// The trace that a request belongs to: what its sender says goes first.
    pub fn trace_of(&self, http: Option<&Http>) -> Option<Trace> {
        // API Gateway says which trace it is; whether it is sampled is decided at the function.
        let theirs = http.and_then(|http| Trace::sent(|name| http.header(name)));
        theirs.map(|trace| trace.decided_by(self.trace)).or(self.trace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_of_long_ago_says_nothing() {
        let mut context = Context::default();
        context.deadline = 600_000;
        let now = Timestamp::from_second(1_795_348_800).unwrap();
        assert_eq!(Invocation::of(&context, true, now).patience(), None);
        context.deadline = 1_795_348_800_000 + 60_000;
        let patience = Invocation::of(&context, true, now).patience().unwrap();
        assert!(patience <= Duration::from_secs(52) && patience > Duration::from_secs(50), "{patience:?}");
    }
}
