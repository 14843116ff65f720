//! Admission: `https` to public hosts, and what the operator's prefixes add.

use gitledger_events::Repo;
use url::{Host, Url};

use super::address::is_public;
use super::spelling::is_plain;
use crate::Rejection;

/// The longest URL, in bytes.
const URL_BYTES_MAX: usize = 2048;

/// Which remotes are admitted. The default admits `https` to public hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remotes {
    prefixes: Vec<Url>,
    gated: bool,
}

/// An admitted remote: no credentials, no query, no fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    url: Url,
    gated: bool,
}

impl Remotes {
    /// Admits these URL prefixes too (`http://127.0.0.1:8090/`), comma-separated.
    pub fn allowing(prefixes: &str) -> Result<Self, Rejection> {
        let parse = |text: &str| {
            let refuse =
                |rule: &str| Rejection::argument("GITLEDGER_ALLOW_REMOTES", format!("{text:?} {rule}"));
            let url = Url::parse(text).map_err(|error| refuse(&format!("is not a URL: {error}")))?;
            match url.scheme() {
                "http" | "https" if url.has_host() => Ok(url),
                _ => Err(refuse("must start with http:// or https:// and a host")),
            }
        };
        let given = prefixes.split(',').map(str::trim).filter(|text| !text.is_empty());
        Ok(Self { prefixes: given.map(parse).collect::<Result<_, _>>()?, gated: false })
    }

    /// The same remotes, reached through the gate of the sandboxes' host or not: see [`super::gate`].
    #[must_use]
    pub fn through_gate(self, gated: bool) -> Self {
        Self { gated, ..self }
    }

    /// Admits a URL or says which rule it breaks.
    pub fn admit(&self, field: &str, text: &str) -> Result<Remote, Rejection> {
        let refuse = |rule: &str| Err(Rejection::argument(field, rule));
        if text.len() > URL_BYTES_MAX {
            return refuse("must be at most 2048 bytes");
        }
        if text.chars().any(|c| c.is_control() || c == ' ' || c == '\\') {
            return refuse("must not contain spaces, backslashes or control characters");
        }
        let Ok(url) = Url::parse(text) else {
            return refuse("must be a URL that starts with https://");
        };
        if holds_credentials(&url) {
            return refuse("must not contain a user name or password; tokens are configured per host");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("must not contain a query or a fragment");
        }
        if !is_plain(&url) {
            return refuse("must be spelt plainly: no '//' and no needless '%', no '.' at the host's end");
        }
        // Listed prefixes may be anything the operator wants; everything else must be public https.
        if self.prefixes.iter().any(|prefix| covers(prefix, &url)) {
            return Ok(Remote { url, gated: self.gated });
        }
        if url.scheme() != "https" {
            return refuse(
                "must start with https:// (an operator can admit others in GITLEDGER_ALLOW_REMOTES)",
            );
        }
        if !url.host().is_some_and(|host| is_public(&host)) {
            return refuse(
                "must be on a public host (an operator can admit others in GITLEDGER_ALLOW_REMOTES)",
            );
        }
        if url.path().trim_matches('/').is_empty() {
            return refuse("must name a repository, https://host/owner/name");
        }
        Ok(Remote { url, gated: self.gated })
    }
}

/// Same scheme, host and port, and a path below the prefix's, whole segments only.
fn covers(prefix: &Url, url: &Url) -> bool {
    let base = prefix.path().trim_end_matches('/');
    let below = url.path().strip_prefix(base).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1);
    prefix.origin() == url.origin() && below
}

impl Remote {
    /// The URL as git gets it.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// `http` or `https`: the one protocol that git is allowed.
    pub fn protocol(&self) -> &str {
        if self.gated { "http" } else { self.url.scheme() }
    }

    /// Whether it is reached through a gate, which adds the credential: see [`super::gate`].
    pub fn is_gated(&self) -> bool {
        self.gated
    }

    /// The host's name or address, the port, and whether the remote speaks TLS.
    pub fn destination(&self) -> (&str, u16, bool) {
        let port = self.url.port_or_known_default().unwrap_or_default();
        (self.url.host_str().unwrap_or_default(), port, self.url.scheme() == "https")
    }

    /// The path of the repository, without a slash at its end.
    pub fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    /// `scheme://host[:port]`, as git's configuration keys have it.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// `host[:port]`: the key of the token map.
    pub fn authority(&self) -> String {
        let host = match self.url.host() {
            Some(Host::Ipv6(ip)) => format!("[{ip}]"),
            Some(host) => host.to_string(),
            None => String::new(),
        };
        self.url.port().map_or(host.clone(), |port| format!("{host}:{port}"))
    }

    /// `host[:port]/owner/name`.
    pub fn repo(&self) -> Repo {
        Repo::from_parts(&self.authority(), self.url.path())
    }
}

/// Whether an address has a user or a password in it. None may: addresses are shown and logged.
pub fn holds_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::Remotes;

    #[test]
    fn only_https_to_public_hosts_is_admitted_by_default() {
        let bad = [
            "",
            "x",
            "ext::sh -c x",
            "ext::sh%20-c%20x",
            "file:///etc",
            "/etc",
            "../x",
            "git@github.com:a/b.git",
            "ssh://git@h/x",
            "git://github.com/a/b",
            "http://github.com/a/b",
            "http://169.254.169.254/",
            "https://169.254.169.254/x",
            "https://127.0.0.1/x",
            "https://2130706433/x",
            "https://0x7f.1/x",
            "https://017700000001/x",
            "https://127.1/x",
            "https://[::1]/x",
            "https://[::ffff:127.0.0.1]/x",
            "https://10.0.0.1/x",
            "https://192.168.1.1/x",
            "https://172.16.0.1/x",
            "https://100.64.0.1/x",
            "https://[fd00::1]/x",
            "https://[fe80::1]/x",
            "https://localhost/x",
            "https://a.localhost/x",
            "https://printer.local/x",
            "https://metadata.google.internal/x",
            "https://host/x",
            "https://u:p@github.com/a/b",
            "https://token@github.com/a/b",
            "https://github.com/a/b?x=1",
            "https://github.com/a/b#x",
            "https://github.com/",
            "--upload-pack=x",
            "https://github.com/a b",
            "https://github.com\\@127.0.0.1/x",
        ];
        for url in bad {
            assert!(Remotes::default().admit("repo_url", url).is_err(), "{url}");
        }
        for url in ["https://github.com/acme/app", "https://gitlab.com:8443/a/b/c.git", "https://1.1.1.1/a/b"]
        {
            assert!(Remotes::default().admit("repo_url", url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_listed_prefix_admits_what_is_below_it_and_nothing_else() {
        let remotes = Remotes::allowing("http://127.0.0.1:8090/, https://git.corp/team").unwrap();
        for good in ["http://127.0.0.1:8090/a/b.git", "https://git.corp/team/app"] {
            assert!(remotes.admit("repo_url", good).is_ok(), "{good}");
        }
        for bad in [
            "http://127.0.0.1:8091/a",
            "http://127.0.0.1:8090.evil.com/a",
            "https://git.corp/team-evil/app",
            "https://git.corp/team/../other/app",
            "http://u@127.0.0.1:8090/a",
            "https://git.corp/team",
        ] {
            assert!(remotes.admit("repo_url", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_remote_has_one_name_per_repository() {
        let remotes = Remotes::allowing("http://127.0.0.1:8090/").unwrap();
        let remote = remotes.admit("repo_url", "http://127.0.0.1:8090/acme/app.git").unwrap();
        assert_eq!(remote.repo().as_str(), "127.0.0.1:8090/acme/app");
        assert_eq!(remote.origin(), "http://127.0.0.1:8090");
    }
}
