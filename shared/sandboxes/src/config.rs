//! Where E2B is: the hosted one, or a host that speaks its protocol.

use crate::Secret;

/// The domain of the hosted E2B.
const DOMAIN: &str = "e2b.app";
/// Domains whose sandboxes are all reached through one host, routed by headers.
const SHARED: &[&str] = &["e2b.app", "e2b.dev", "e2b.pro", "e2b-staging.dev"];
/// The template E2B uses when none is named.
pub const DEFAULT_TEMPLATE: &str = "base";
/// The port on which envd listens inside a sandbox.
pub(crate) const ENVD_PORT: u16 = 49983;

/// The address and the key of an E2B.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The control plane, without a slash at the end.
    pub api_url: String,
    /// One address for every sandbox. `None`: it follows from the domain.
    pub sandbox_url: Option<String>,
    /// Sent as `X-API-Key`.
    pub api_key: Secret,
    /// What new sandboxes are made from, when the caller does not say.
    pub template: Option<String>,
    /// The domain of sandboxes whose creation does not name one.
    pub domain: String,
    /// True when the sandboxes' only way out is a gate of their host's that adds credentials; ours can be so.
    pub gated: bool,
}

impl Endpoint {
    /// The hosted E2B.
    pub fn real(api_key: Secret) -> Self {
        Self {
            api_url: format!("https://api.{DOMAIN}"),
            sandbox_url: None,
            api_key,
            template: None,
            domain: DOMAIN.to_owned(),
            gated: false,
        }
    }

    /// A host with one address for the control plane and all sandboxes.
    pub fn at(api_url: impl Into<String>, api_key: Secret) -> Self {
        let api_url = api_url.into().trim_end_matches('/').to_owned();
        Self { sandbox_url: Some(api_url.clone()), api_url, ..Self::real(api_key) }
    }

    /// The template in use.
    pub fn template(&self) -> &str {
        self.template.as_deref().unwrap_or(DEFAULT_TEMPLATE)
    }

    /// Where a sandbox's envd is. `domain` is what the sandbox's creation named; it wins over ours.
    pub(crate) fn envd_url(&self, sandbox_id: &str, domain: Option<&str>) -> String {
        if let Some(url) = &self.sandbox_url {
            return url.trim_end_matches('/').to_owned();
        }
        match domain.unwrap_or(&self.domain) {
            shared if SHARED.contains(&shared) => format!("https://sandbox.{shared}"),
            own => format!("https://{ENVD_PORT}-{sandbox_id}.{own}"),
        }
    }

    /// True when nothing here needs TLS, so that no certificates have to be found.
    pub(crate) fn is_plain(&self) -> bool {
        self.api_url.starts_with("http://")
            && self.sandbox_url.as_ref().is_some_and(|url| url.starts_with("http://"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_is_found_by_address_then_by_shared_domain_then_by_its_own_name() {
        let real = Endpoint::real(Secret::new("k"));
        assert_eq!(real.envd_url("i1", None), "https://sandbox.e2b.app");
        assert_eq!(real.envd_url("i1", Some("e2b.dev")), "https://sandbox.e2b.dev");
        assert_eq!(real.envd_url("i1", Some("acme.example")), "https://49983-i1.acme.example");
        let local = Endpoint::at("http://127.0.0.1:3000/", Secret::new("k"));
        assert_eq!(local.envd_url("i1", Some("e2b.dev")), "http://127.0.0.1:3000");
        assert!(local.is_plain() && !real.is_plain());
    }
}
