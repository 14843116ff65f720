//! One invocation: how long it may take, and which trace it belongs to.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use lambda_runtime::Context;
use uuid::Uuid;

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
    pub trace: Option<Uuid>,
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
            trace: context.xray_trace_id.as_deref().and_then(xray),
        }
    }

    /// How long work may take that somebody else can go on with.
    pub fn patience(&self) -> Option<Duration> {
        let left = self.time?.saturating_sub(self.began.elapsed());
        Some(left.saturating_sub(RESERVE.min(left / 2)))
    }

    /// The trace that a request belongs to: what its sender says goes first.
    pub fn trace_of(&self, http: Option<&Http>) -> Option<Uuid> {
        let header = |name| http.and_then(|http| http.header(name));
        let theirs = header("traceparent").and_then(w3c);
        theirs.or_else(|| header("x-amzn-trace-id").and_then(xray)).or(self.trace)
    }
}

/// `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`: the root's 32 digits.
fn xray(header: &str) -> Option<Uuid> {
    let root = header.split(';').find_map(|part| part.trim().strip_prefix("Root=1-"))?;
    let (time, rest) = root.split_once('-')?;
    id(&format!("{time}{rest}"))
}

/// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`: the second part.
fn w3c(header: &str) -> Option<Uuid> {
    let mut parts = header.trim().split('-');
    let version = parts.next().filter(|version| version.len() == 2 && *version != "ff");
    version.and_then(|_| parts.next()).and_then(id)
}

fn id(digits: &str) -> Option<Uuid> {
    let plain = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain { Uuid::try_parse(digits).ok().filter(|id| !id.is_nil()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read_from_both_headers() {
        let told = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        assert_eq!(xray(told).unwrap().simple().to_string(), "5759e988bd862e3fe1be46a994272793");
        let told = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(w3c(told).unwrap().simple().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn what_is_no_trace_is_none() {
        for wrong in [
            "",
            "Root=1-1-2",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Self=1-5759e988-bd862e3fe1be46a994272793",
        ] {
            assert_eq!(xray(wrong), None, "{wrong}");
        }
        let zeros = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        for wrong in
            ["", "00", "00-xyz-1-1", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &zeros]
        {
            assert_eq!(w3c(wrong), None, "{wrong}");
        }
    }

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
