//! Where NATS is, and how the feed is known there.

use std::fmt;

use gitledger_operations::remote::holds_credentials;
use gitledger_sandboxes::Secret;
use url::{Host, Url};

/// A server, and how it knows who comes.
#[derive(Clone, Debug)]
pub struct Server {
    /// A name or an address.
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether nothing is said in the open.
    pub(super) tls: bool,
    pub(super) credential: Credential,
}

/// How the feed is known.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    None,
    Token(Secret),
    User { name: String, password: Secret },
}

impl Server {
    /// Of an address and what the environment holds beside it. An error is a rule that is broken, and by what.
    pub fn new(
        address: &str,
        token: Option<String>,
        user: Option<String>,
        password: Option<String>,
    ) -> Result<Self, (&'static str, String)> {
        const URL: &str = "NATS_URL";
        let rule = "must be nats://HOST:PORT, or tls://HOST:PORT";
        let url = Url::parse(address).map_err(|_| (URL, rule.to_owned()))?;
        if holds_credentials(&url) {
            let rule = "must hold no credentials; set NATS_TOKEN, or NATS_USER and NATS_PASSWORD";
            return Err((URL, rule.to_owned()));
        }
        let tls = match url.scheme() {
            "nats" => false,
            "tls" => true,
            _ => return Err((URL, rule.to_owned())),
        };
        let host = url.host_str().ok_or((URL, rule.to_owned()))?;
        let credential = match (token, user, password) {
            (None, None, None) => Credential::None,
            (Some(token), None, None) => Credential::Token(Secret::new(token)),
            (None, Some(name), Some(password)) => Credential::User { name, password: Secret::new(password) },
            (None, Some(_), None) => return Err(("NATS_PASSWORD", "is needed with NATS_USER".to_owned())),
            (None, None, Some(_)) => return Err(("NATS_USER", "is needed with NATS_PASSWORD".to_owned())),
            (Some(_), ..) => {
                return Err(("NATS_TOKEN", "goes without NATS_USER and NATS_PASSWORD".to_owned()));
            }
        };
        let here = match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        // Of schemes that it does not know the parser leaves a name that is an address as it is.
        let here = here || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !tls && !here && !matches!(credential, Credential::None) {
            let rule = "must be tls://HOST:PORT: a credential is not sent in the open to another machine";
            return Err((URL, rule.to_owned()));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port: url.port().unwrap_or(4222), tls, credential })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", if self.tls { "tls" } else { "nats" }, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str, token: Option<&str>) -> Option<String> {
        Server::new(address, token.map(str::to_owned), None, None).err().map(|(_, rule)| rule)
    }

    #[test]
    fn a_credential_is_never_in_an_address_nor_sent_in_the_open() {
        assert!(
            refused("nats://me:canary@127.0.0.1:4222", None).is_some_and(|rule| rule.contains("NATS_USER"))
        );
        assert!(
            refused("nats://nats.example:4222", Some("canary")).is_some_and(|rule| rule.contains("tls://"))
        );
        for good in
            ["tls://nats.example", "nats://127.0.0.1:4222", "nats://localhost:4222", "nats://[::1]:4222"]
        {
            assert_eq!(refused(good, Some("canary")), None, "{good}");
        }
        let server = Server::new("tls://nats.example", Some("canary".to_owned()), None, None).unwrap();
        assert!(!format!("{server:?} {server}").contains("canary"));
        assert_eq!(server.to_string(), "tls://nats.example:4222");
    }

    #[test]
    fn what_is_no_address_of_nats_is_refused() {
        for bad in ["127.0.0.1:4222", "http://127.0.0.1:4222", "nats://", "nats", ""] {
            assert!(refused(bad, None).is_some(), "{bad}");
        }
    }
}
