//! Where a sandbox may go, and what is added on the way.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::address::{Block, is_private};

/// Where all sandboxes of a host may go, at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// Hosts, as `example.com` or `*.example.com`; empty: every host of the public internet.
    pub allow: Vec<String>,
    /// Hosts with their ports that may be reached although their addresses are private: `127.0.0.1:8080`.
    pub admit_private: Vec<String>,
}

/// One way out, before it is taken.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Egress {
    /// Whether this is named as a private place that may be reached.
    pub(super) fn admits(&self, to: &Destination) -> bool {
        self.admit_private.contains(&format!("{}:{}", to.host, to.port))
    }

    /// The first of the name's addresses that may be gone to.
    pub(super) fn choose(&self, to: &Destination, found: &[SocketAddr], own: &Rules) -> Option<SocketAddr> {
        let admitted = self.admits(to);
        if !admitted && !self.allow.is_empty() && !self.allow.iter().any(|one| names(one, &to.host)) {
            return None;
        }
        let may = |address: IpAddr| (admitted || !is_private(address)) && own.allow(&to.host, address);
        found.iter().copied().find(|address| may(address.ip()))
    }
}

/// Whether a pattern means this host.
fn names(pattern: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    match pattern.strip_prefix("*.") {
        Some(end) => {
            let before = host.len().checked_sub(end.len() + 1);
            before.is_some_and(|at| at > 0 && host.as_bytes()[at] == b'.' && names(end, &host[at + 1..]))
        }
        None => pattern.eq_ignore_ascii_case(host),
    }
}

/// What clients say about one sandbox's network; all of it is replaced at once.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::host) struct NetworkBody {
    allow_out: Option<Vec<String>>,
    deny_out: Option<Vec<String>>,
    rules: Option<BTreeMap<String, Vec<RuleBody>>>,
    #[serde(rename = "allow_internet_access")]
    pub(in crate::host) allow_internet_access: Option<bool>,
    egress_proxy: Option<serde_json::Value>,
    mask_request_host: Option<String>,
    allow_public_traffic: Option<bool>,
}

#[derive(Deserialize)]
struct RuleBody {
    #[serde(default)]
    transform: TransformBody,
    /// Not E2B's: only requests for this path and what is under it.
    path: Option<String>,
    /// Not E2B's: only requests that go to this port.
    port: Option<u16>,
    /// Not E2B's: plain requests go on encrypted, so that headers can be added to them.
    #[serde(default)]
    encrypt: bool,
}

#[derive(Default, Deserialize)]
struct TransformBody {
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// One sandbox's own rules. They only narrow what the host allows. No `Debug` of headers: they hold
/// credentials.
#[derive(Clone, Default)]
pub(in crate::host) struct Rules {
    allow_hosts: Vec<String>,
    allow_blocks: Vec<Block>,
    deny_blocks: Vec<Block>,
    deny_all: bool,
    added: Vec<Added>,
}

#[derive(Clone)]
struct Added {
    host: String,
    port: Option<u16>,
    path: Option<String>,
    encrypt: bool,
    headers: HeaderMap,
}

impl fmt::Debug for Rules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Rules").field("added", &self.added.len()).finish_non_exhaustive()
    }
}

impl NetworkBody {
    fn asks_too_much(&self) -> bool {
        self.egress_proxy.is_some()
            || self.mask_request_host.is_some()
            || self.allow_public_traffic == Some(false)
    }

    /// The rules meant; the reason is for the client.
    pub(in crate::host) fn rules(self) -> Result<Rules, &'static str> {
        if self.asks_too_much() {
            return Err("egressProxy, maskRequestHost and allowPublicTraffic are not supported here");
        }
        let mut rules = Rules { deny_all: self.allow_internet_access == Some(false), ..Rules::default() };
        for allowed in self.allow_out.unwrap_or_default() {
            match Block::parse(&allowed) {
                Some(block) => rules.allow_blocks.push(block),
                None => rules.allow_hosts.push(allowed),
            }
        }
        for denied in self.deny_out.unwrap_or_default() {
            rules.deny_blocks.push(Block::parse(&denied).ok_or("denyOut takes addresses and blocks only")?);
        }
        for (host, bodies) in self.rules.unwrap_or_default() {
            for body in bodies {
                let headers = headers(body.transform.headers).ok_or("a rule has an invalid header")?;
                let (host, port, path) = (host.clone(), body.port, body.path);
                rules.added.push(Added { host, port, path, encrypt: body.encrypt, headers });
            }
        }
        Ok(rules)
    }
}

fn headers(given: BTreeMap<String, String>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        headers.insert(name.parse::<HeaderName>().ok()?, value);
    }
    Some(headers)
}

impl Rules {
    /// Whether there are none. Denying everything is none: that can be had without a proxy.
    pub(in crate::host) fn is_empty(&self) -> bool {
        self.allow_hosts.is_empty()
            && self.allow_blocks.is_empty()
            && self.deny_blocks.is_empty()
            && self.added.is_empty()
    }

    fn allow(&self, host: &str, address: IpAddr) -> bool {
        let allowed = self.allow_hosts.iter().any(|pattern| names(pattern, host))
            || self.allow_blocks.iter().any(|block| block.contains(address));
        let denied = self.deny_all || self.deny_blocks.iter().any(|block| block.contains(address));
        allowed || !denied
    }

    /// These and others' headers; where one may go is as these say.
    pub(super) fn with_added_of(mut self, other: &Self) -> Self {
        self.added.extend(other.added.iter().cloned());
        self
    }

    /// What is added to a plain request, and whether it goes on encrypted. `port`: the one that it names.
    pub(super) fn added(&self, host: &str, port: Option<u16>, path: &str) -> (HeaderMap, bool) {
        let mut all = HeaderMap::new();
        let mut encrypt = false;
        let meant = |added: &&Added| {
            let usual = if added.encrypt { 443 } else { 80 };
            names(&added.host, host)
                && added.port.is_none_or(|wanted| port.unwrap_or(usual) == wanted)
                && added.path.as_deref().is_none_or(|prefix| under(prefix, path))
        };
        for added in self.added.iter().filter(meant) {
            all.extend(added.headers.clone());
            encrypt |= added.encrypt;
        }
        (all, encrypt)
    }
}

/// Whether a path is this one or under it. One that could be read as another path is under none.
fn under(prefix: &str, path: &str) -> bool {
    let plain = !path.contains(['%', '\\']) && !path.split('/').any(|part| part == ".." || part == ".");
    let rest = path.strip_prefix(prefix.trim_end_matches('/'));
    plain && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: serde_json::Value) -> Rules {
        serde_json::from_value::<NetworkBody>(json).unwrap().rules().unwrap()
    }

    fn goes(egress: &Egress, own: &Rules, host: &str, port: u16, address: &str) -> bool {
        let found = [SocketAddr::new(address.parse().unwrap(), port)];
        egress.choose(&Destination { host: host.into(), port }, &found, own).is_some()
    }

    #[test]
    fn patterns_mean_whole_names() {
        assert!(names("Example.com", "example.com.") && names("*.example.com", "a.b.example.com"));
        for not in ["example.com", "badexample.com", ".example.com", "example.com.evil.org"] {
            assert!(!names("*.example.com", not), "{not}");
        }
    }

    #[test]
    fn private_addresses_are_reached_only_by_a_name_and_port_that_is_admitted() {
        let any = Egress::default();
        let own = Rules::default();
        assert!(goes(&any, &own, "example.com", 443, "8.8.8.8"));
        assert!(!goes(&any, &own, "rebound.example.com", 443, "127.0.0.1"));
        let some = Egress { allow: vec!["github.com".into()], admit_private: vec!["127.0.0.1:8080".into()] };
        assert!(goes(&some, &own, "127.0.0.1", 8080, "127.0.0.1"));
        assert!(!goes(&some, &own, "127.0.0.1", 8081, "127.0.0.1"));
        assert!(goes(&some, &own, "github.com", 443, "140.82.112.3"));
        assert!(!goes(&some, &own, "example.com", 443, "8.8.8.8"));
    }

    #[test]
    fn a_sandboxes_own_rules_narrow_and_what_it_allows_beats_what_it_denies() {
        let own =
            rules(serde_json::json!({"allowOut": ["*.example.com", "1.1.1.1"], "denyOut": ["0.0.0.0/0"]}));
        let any = Egress::default();
        assert!(
            goes(&any, &own, "a.example.com", 443, "8.8.8.8") && goes(&any, &own, "x.org", 443, "1.1.1.1")
        );
        assert!(!goes(&any, &own, "x.org", 443, "8.8.8.8"));
        assert!(!goes(&any, &own, "a.example.com", 443, "10.0.0.1"), "never wider than the host");
        assert!(!goes(&any, &rules(serde_json::json!({"allow_internet_access": false})), "x", 1, "8.8.8.8"));
    }

    #[test]
    fn a_header_is_added_for_one_host_and_path_only() {
        let own = rules(serde_json::json!({"rules": {"git.example.com": [
            {"path": "/acme/app.git", "transform": {"headers": {"Authorization": "Basic x"}}, "encrypt": true}]}}));
        let has = |host: &str, path: &str| own.added(host, None, path).0.contains_key("authorization");
        assert!(has("git.example.com", "/acme/app.git/info/refs") && has("git.example.com", "/acme/app.git"));
        for (host, path) in [
            ("other.example.com", "/acme/app.git/info/refs"),
            ("git.example.com", "/acme/app.gitx/info/refs"),
            ("git.example.com", "/acme/app.git/../other.git/info/refs"),
            ("git.example.com", "/acme/app.git/%2e%2e/other.git"),
            ("git.example.com", "/acme/other.git"),
        ] {
            assert!(!has(host, path), "{host}{path}");
        }
        assert!(own.added("git.example.com", None, "/acme/app.git").1);
        assert!(!format!("{own:?}").contains("Basic"));
        let one_port = |encrypt: bool| {
            let headers = serde_json::json!({"Authorization": "Basic x"});
            rules(serde_json::json!({"rules": {"a.example": [
                {"port": 443, "transform": {"headers": headers}, "encrypt": encrypt}]}}))
        };
        let goes = |encrypt, port| !one_port(encrypt).added("a.example", port, "/x").0.is_empty();
        assert!(goes(true, None) && goes(true, Some(443)) && goes(false, Some(443)));
        assert!(!goes(true, Some(8443)) && !goes(false, None));
    }
}
