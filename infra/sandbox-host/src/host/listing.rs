//! Lists of sandboxes: filters, order, pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use url::form_urlencoded;

use super::api_error::ApiError;
use super::sandbox::{Phase, Sandbox};

const LIMIT_MAX: usize = 100;

/// The query of a list.
#[derive(Debug)]
pub(super) struct Listing {
    metadata: BTreeMap<String, String>,
    phases: Vec<Phase>,
    template: Option<String>,
    started_after: Option<Timestamp>,
    ascending: bool,
    limit: usize,
    /// The last one of the page before.
    after: Option<(Timestamp, String)>,
}

/// A page of sandboxes.
pub(super) struct Page {
    pub(super) sandboxes: Vec<Arc<Sandbox>>,
    /// None on the last page.
    pub(super) next_token: Option<String>,
    /// How many run, of all that the filters let through.
    pub(super) running: usize,
}

impl Listing {
    /// Reads the raw query.
    pub(super) fn parse(query: &str) -> Result<Self, ApiError> {
        let mut listing = Self {
            metadata: BTreeMap::new(),
            phases: vec![Phase::Running, Phase::Paused],
            template: None,
            started_after: None,
            ascending: false,
            limit: LIMIT_MAX,
            after: None,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            listing.take(&name, &value)?;
        }
        Ok(listing)
    }

    /// Keeps those that run: the older route knows no others.
    pub(super) fn running_only(mut self) -> Self {
        self.phases = vec![Phase::Running];
        self.limit = usize::MAX;
        self
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), ApiError> {
        let invalid = || ApiError::bad_request(format!("Invalid {name}"));
        match name {
            "metadata" => self.metadata = metadata(value),
            // Given once with commas, or several times: the first one clears the default.
            "state" => self.phases = phases(value).ok_or_else(invalid)?,
            "template" => self.template = Some(value.to_owned()),
            "startedAfter" => self.started_after = Some(value.parse().map_err(|_| invalid())?),
            "order" => self.ascending = value == "asc",
            "limit" => {
                let limit = value.parse().map_err(|_| invalid())?;
                self.limit = (1..=LIMIT_MAX).contains(&limit).then_some(limit).ok_or_else(invalid)?;
            }
            "nextToken" if !value.is_empty() => {
                let token = read_token(value).ok_or_else(|| ApiError::bad_request("Invalid next token"))?;
                self.after = Some(token);
            }
            _ => {}
        }
        Ok(())
    }

    /// The page of `all` that was asked for.
    pub(super) fn page(&self, mut all: Vec<Arc<Sandbox>>) -> Page {
        all.retain(|sandbox| self.matches(sandbox));
        let running = all.iter().filter(|sandbox| sandbox.is_running()).count();
        all.retain(|sandbox| self.phases.contains(&sandbox.status().phase) && self.follows(sandbox));
        all.sort_by_key(|sandbox| (sandbox.started_at, sandbox.id.clone()));
        if !self.ascending {
            all.reverse();
        }
        let more = all.len() > self.limit;
        all.truncate(self.limit);
        let next_token = all.last().filter(|_| more).map(|last| write_token(last.started_at, &last.id));
        Page { sandboxes: all, next_token, running }
    }

    fn matches(&self, sandbox: &Sandbox) -> bool {
        let order = &sandbox.order;
        self.metadata.iter().all(|(key, value)| order.metadata.get(key) == Some(value))
            && self.template.as_ref().is_none_or(|template| *template == order.template)
            && self.started_after.is_none_or(|after| sandbox.started_at > after)
    }

    fn follows(&self, sandbox: &Sandbox) -> bool {
        let Some((started_at, id)) = &self.after else { return true };
        let here = (sandbox.started_at, sandbox.id.as_str());
        let last = (*started_at, id.as_str());
        if self.ascending { here > last } else { here < last }
    }
}

/// SDKs encode metadata three times: keys and values, the pairs, and the query. The query is decoded here
/// already.
fn metadata(value: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(value.as_bytes())
        .map(|(key, value)| (percent_decode(&key), percent_decode(&value)))
        .collect()
}

fn percent_decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let byte = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn phases(value: &str) -> Option<Vec<Phase>> {
    value
        .split(',')
        .map(|name| [Phase::Running, Phase::Paused].into_iter().find(|phase| phase.name() == name))
        .collect()
}

fn write_token(started_at: Timestamp, id: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{started_at}__{id}"))
}

fn read_token(token: &str) -> Option<(Timestamp, String)> {
    let bytes = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (started_at, id) = text.split_once("__")?;
    Some((started_at.parse().ok()?, id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_decoded_three_times() {
        let listing = Listing::parse("metadata=a%3Db%252520c%26k%25252Fx%3D1%25252B1").unwrap();
        let expected = BTreeMap::from([("a".into(), "b c".into()), ("k/x".into(), "1+1".into())]);
        assert_eq!(listing.metadata, expected);
    }

    #[test]
    fn percent_signs_that_encode_nothing_stay() {
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%zz%41"), "%zzA");
        assert_eq!(percent_decode("%4"), "%4");
    }

    #[test]
    fn a_token_survives_its_encoding_and_garbage_is_refused() {
        let now = Timestamp::now();
        assert_eq!(read_token(&write_token(now, "i1")), Some((now, "i1".into())));
        assert!(Listing::parse("nextToken=garbage").is_err());
        assert!(Listing::parse("limit=0").is_err());
        assert!(Listing::parse("limit=101").is_err());
        assert!(Listing::parse("state=running,paused").is_ok());
        assert!(Listing::parse("state=dead").is_err());
    }
}
