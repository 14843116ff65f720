//! The trace that work belongs to: read from what its sender says, passed on to the sandboxes' host.

use std::future::Future;

use reqwest::RequestBuilder;
use uuid::Uuid;

use crate::random;

tokio::task_local! {
    static CURRENT: Trace;
}

/// A distributed trace. Deliberately absent: spans of our own, which the ledger's events are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Trace {
    /// Its 128 bits.
    pub id: Uuid,
    /// Whether whoever began it keeps what is told of it, where that is decided.
    pub sampled: Option<bool>,
}

impl Trace {
    /// What the sender of a request says, `header` being its headers by name in lower case: W3C's `traceparent`
    /// goes first, then AWS X-Ray's.
    pub fn sent<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Option<Self> {
        let theirs = header("traceparent").and_then(Self::w3c);
        theirs.or_else(|| header("x-amzn-trace-id").and_then(Self::xray))
    }

    /// `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`: the root's 32 digits.
    pub fn xray(header: &str) -> Option<Self> {
        let part = |name: &str| header.split(';').find_map(|part| part.trim().strip_prefix(name));
        let (time, rest) = part("Root=1-")?.split_once('-')?;
        let sampled = part("Sampled=").filter(|decision| *decision != "?").map(|decision| decision == "1");
        Some(Self { id: id(&format!("{time}{rest}"))?, sampled })
    }

    /// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`: the second part, and a bit of the fourth.
    /// Later versions may have more parts (W3C Trace Context, 2.2.3).
    fn w3c(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let version = parts.next().filter(|version| version.len() == 2 && *version != "ff");
        let id = version.and_then(|_| parts.next()).and_then(id)?;
        let flags = parts.nth(1).and_then(|flags| u8::from_str_radix(flags, 16).ok());
        Some(Self { id, sampled: flags.map(|flags| flags & 1 == 1) })
    }

    /// This one; what is not decided in it, as another that is the same has it.
    #[must_use]
    pub fn decided_by(self, other: Option<Self>) -> Self {
        let other = other.filter(|other| other.id == self.id);
        Self { sampled: self.sampled.or(other.and_then(|other| other.sampled)), ..self }
    }

    /// The trace that this task works for, to be taken along into another.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(|trace| *trace).ok()
    }

    /// Does work as part of a trace: what it asks of the sandboxes' host says so.
    pub async fn around<F: Future>(trace: Option<Self>, work: F) -> F::Output {
        match trace {
            Some(trace) => CURRENT.scope(trace, work).await,
            None => work.await,
        }
    }
}

/// Says which trace a request belongs to. Each has a parent of its own, which nobody has told of.
pub(crate) fn pass_on(request: RequestBuilder) -> RequestBuilder {
    let Some(trace) = Trace::current() else { return request };
    let Some(parent) = random::nonce() else { return request };
    let flags = u8::from(trace.sampled == Some(true));
    request.header("traceparent", format!("00-{}-{}-{flags:02x}", trace.id.simple(), &parent[..16]))
}

fn id(digits: &str) -> Option<Uuid> {
    let plain = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain { Uuid::try_parse(digits).ok().filter(|id| !id.is_nil()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const W3C: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    fn read(trace: Option<Trace>) -> (String, Option<bool>) {
        trace.map(|trace| (trace.id.simple().to_string(), trace.sampled)).unwrap()
    }

    #[test]
    fn a_trace_is_read_from_both_headers() {
        let xray = ("5759e988bd862e3fe1be46a994272793".to_owned(), Some(true));
        assert_eq!(read(Trace::xray(XRAY)), xray);
        for (decision, sampled) in [(";Sampled=0", Some(false)), (";Sampled=?", None), ("", None)] {
            assert_eq!(read(Trace::xray(&XRAY.replace(";Sampled=1", decision))).1, sampled, "{decision}");
        }
        let w3c = ("4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), Some(true));
        assert_eq!(read(Trace::w3c(W3C)), w3c);
        assert_eq!(read(Trace::w3c(&W3C.replace("-01", "-00"))), (w3c.0.clone(), Some(false)));
        let both = |name: &str| Some(if name == "traceparent" { W3C } else { XRAY });
        assert_eq!(read(Trace::sent(both)), w3c);
        assert_eq!(read(Trace::sent(|name| both(name).filter(|_| name != "traceparent"))), xray);
    }

    #[test]
    fn what_a_door_does_not_decide_is_decided_by_the_same_trace_and_no_other() {
        let (told, other) = (Trace::xray(XRAY).unwrap(), Trace::w3c(W3C).unwrap());
        let open = Trace { sampled: None, ..told };
        assert_eq!(open.decided_by(Some(told)), told);
        assert_eq!(open.decided_by(Some(other)), open);
        let not = Trace { sampled: Some(false), ..told };
        assert_eq!(not.decided_by(Some(told)), not);
    }

    #[test]
    fn what_is_no_trace_is_none() {
        for wrong in [
            "",
            "Root=1-1-2",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Self=1-5759e988-bd862e3fe1be46a994272793",
        ] {
            assert_eq!(Trace::xray(wrong), None, "{wrong}");
        }
        let zeros = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        for wrong in
            ["", "00", "00-xyz-1-1", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &zeros]
        {
            assert_eq!(Trace::w3c(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_request_says_which_trace_it_belongs_to_and_another_none() {
        crate::tls::install();
        let said = || {
            let request = pass_on(reqwest::Client::new().get("http://127.0.0.1:9/")).build().unwrap();
            request.headers().get("traceparent").map(|value| value.to_str().unwrap().to_owned())
        };
        let trace = Trace::w3c(W3C);
        let theirs = Trace::around(trace, async { said() }).await.unwrap();
        assert_eq!(Trace::w3c(&theirs), trace);
        assert_eq!(theirs.len(), W3C.len());
        assert_ne!(theirs, W3C, "a parent of its own");
        assert_eq!(Trace::around(None, async { said() }).await, None);
        assert_eq!(said(), None);
    }
}
