//! The one place that reads the environment: every variable, its meaning, its default.

mod elsewhere;
mod policies;
mod published;
mod tokens;
mod variables;

use std::path::PathBuf;

use gitledger_operations::Remotes;
use gitledger_sandboxes::{Endpoint, Secret};
use serde::{Deserialize, Serialize};

use crate::access::ApiKey;
use crate::exporter::Destination;
use crate::feed::NatsServer;

pub use elsewhere::{Aws, LedgerKind, Secrets, Tables};
pub use policies::Policies;
pub use published::logins;
use published::{IN_SANDBOXES, nats, pushgateway, remote_write, web_address};
pub use tokens::Tokens;
pub use variables::VARIABLES;

/// A variable that is wrong or missing, named.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: {rule}")]
pub struct SettingsError {
    /// Which.
    pub variable: String,
    /// What must hold.
    pub rule: String,
}

/// What the environment says, checked.
#[derive(Debug)]
pub struct Settings {
    /// Where the ledger is kept.
    pub data_dir: PathBuf,
    /// The sandboxes' host, if one is named.
    pub endpoint: Option<Endpoint>,
    /// Which remotes are admitted.
    pub remotes: Remotes,
    /// Tokens for remotes.
    pub tokens: Tokens,
    /// Where metrics are published.
    pub pushgateway: Option<Destination>,
    /// Where they are published by remote write.
    pub remote_write: Option<Destination>,
    /// The NATS server to which events are published.
    pub nats: Option<NatsServer>,
    /// The EventBridge bus on which they are put.
    pub event_bus: Option<String>,
    /// The mark on this deployment's sandboxes.
    pub deployment: Option<String>,
    /// Life of a sandbox in seconds, where it goes over the policy's.
    pub sandbox_ttl_s: Option<u64>,
    /// What webhooks are signed with, if any are taken.
    pub webhook: Option<Webhook>,
    /// The policies' file, if one is named.
    pub policy_file: Option<PathBuf>,
    /// The policies themselves, if they are given.
    pub policy_text: Option<String>,
    /// Which ledger.
    pub ledger: LedgerKind,
    /// Where in AWS it is, if there.
    pub tables: Tables,
    /// Where AWS is, and who asks it.
    pub aws: Aws,
    /// The secrets that are named and not given.
    pub secrets: Secrets,
    /// What stands before a function's name where it is invoked.
    pub function_prefix: String,
    /// The price file, if one is named.
    pub prices_file: Option<PathBuf>,
    /// The prices themselves, if they are given.
    pub prices_text: Option<String>,
    /// The file of API keys, if one is named.
    pub keys_file: Option<PathBuf>,
    /// Whether HTTP requests need an API key. Not a variable: whoever serves them decides.
    pub keys_required: bool,
}

/// The ledger's file in the data directory.
pub const LEDGER_FILE: &str = "ledger.db";

/// The API keys' file in the data directory.
pub const KEYS_FILE: &str = "keys.json";

/// Where a running `gitledger up` tells its own functions which host to use; lies in the data directory,
/// readable by its owner only.
pub const HOST_FILE: &str = "sandbox-host.json";

/// The contents of [`HOST_FILE`].
#[derive(Debug, Serialize, Deserialize)]
pub struct HostFile {
    /// The host's address.
    pub api_url: String,
    /// Its key.
    pub api_key: String,
    /// Whether its sandboxes are behind its gate; see [`Endpoint::gated`].
    #[serde(default)]
    pub gated: bool,
}

/// How a webhook of E2B's is known.
#[derive(Debug)]
pub struct Webhook {
    /// What it is signed with.
    pub secret: Secret,
    /// The E2B team that it must be about, where one is named.
    pub team_id: Option<String>,
}

/// The API key that the command line sends. Only ever from the environment: arguments are seen by others.
pub fn api_key() -> Result<Option<ApiKey>, SettingsError> {
    let Some(text) = std::env::var("GITLEDGER_API_KEY").ok().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let key = ApiKey::parse(text.trim());
    key.map(Some).ok_or_else(|| wrong("GITLEDGER_API_KEY", "must be an API key, glk_<id>_<secret>"))
}

impl Settings {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::read(&variable)
    }

    /// The same with variables whose values were found elsewhere. `hosted`: a sandboxes' host is needed; one that is
    /// not is not looked at, and its key need not be there.
    pub fn from_env_with(found: &[(&str, String)], hosted: bool) -> Result<Self, SettingsError> {
        Self::read(&|name| {
            let there = found.iter().find(|(found, _)| *found == name).map(|(_, value)| value.clone());
            let idle = !hosted && ["E2B_API_URL", "E2B_SANDBOX_URL"].contains(&name);
            there.or_else(|| variable(name).filter(|_| !idle))
        })
    }

    /// The secrets that the environment names.
    pub fn named_secrets() -> Secrets {
        elsewhere::secrets(&variable)
    }

    /// Where AWS is, and who asks it.
    pub fn aws() -> Aws {
        elsewhere::aws(&variable)
    }

    /// The mark on this deployment's sandboxes and on what its functions tell.
    pub fn named_deployment() -> Option<String> {
        variable("GITLEDGER_DEPLOYMENT")
    }

    /// Whether somebody says whom to trust. Who reads that is the trust store.
    pub fn names_certificates() -> bool {
        ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|name| variable(name).is_some())
    }

    /// Reads an environment.
    pub fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let prefixes = get("GITLEDGER_ALLOW_REMOTES").unwrap_or_default();
        Ok(Self {
            data_dir: get("GITLEDGER_DATA").map_or_else(|| PathBuf::from(".gitledger"), PathBuf::from),
            endpoint: endpoint(get)?,
            remotes: Remotes::allowing(&prefixes).map_err(|r| wrong(&r.field, &r.rule))?,
            tokens: Tokens::read(get)?,
            pushgateway: pushgateway(get)?,
            remote_write: remote_write(get)?,
            nats: get("NATS_URL").map(|address| nats(get, &address)).transpose()?,
            event_bus: get("GITLEDGER_EVENT_BUS"),
            deployment: get("GITLEDGER_DEPLOYMENT"),
            sandbox_ttl_s: seconds(get)?,
            webhook: get("E2B_WEBHOOK_SECRET")
                .map(|secret| Webhook { secret: Secret::new(secret), team_id: get("E2B_TEAM_ID") }),
            policy_file: get("GITLEDGER_POLICY").map(PathBuf::from),
            policy_text: get("GITLEDGER_POLICY_TEXT"),
            ledger: elsewhere::ledger(get)?,
            tables: elsewhere::tables(get),
            aws: elsewhere::aws(get),
            secrets: elsewhere::secrets(get),
            function_prefix: get("GITLEDGER_FUNCTION_PREFIX").unwrap_or_default(),
            prices_file: get("GITLEDGER_PRICES").map(PathBuf::from),
            prices_text: get("GITLEDGER_PRICES_TEXT"),
            keys_file: get("GITLEDGER_API_KEYS_FILE").map(PathBuf::from),
            keys_required: false,
        })
    }

    /// Publishes events to the NATS server at this address; who comes is in the environment.
    pub fn publish_to_nats(&mut self, address: &str) -> Result<(), SettingsError> {
        self.nats = Some(nats(&variable, address)?);
        Ok(())
    }

    /// Where API keys are kept.
    pub fn keys_file(&self) -> PathBuf {
        self.keys_file.clone().unwrap_or_else(|| self.data_dir.join(KEYS_FILE))
    }

    /// The host that a running `gitledger up` left word of, when the environment names none.
    pub fn endpoint_or_local(&mut self) -> Result<&Endpoint, SettingsError> {
        if self.endpoint.is_none() {
            let file = self.data_dir.join(HOST_FILE);
            let text = std::fs::read_to_string(&file).map_err(|_| {
                wrong("E2B_API_KEY", "is not set, and no `gitledger up` runs on this data directory; start it, or set E2B_API_KEY")
            })?;
            let host: HostFile = serde_json::from_str(&text)
                .map_err(|error| wrong(HOST_FILE, &format!("cannot be read: {error}")))?;
            let endpoint = Endpoint::at(&host.api_url, Secret::new(host.api_key));
            self.endpoint = Some(Endpoint { gated: host.gated, ..endpoint });
        }
        self.endpoint.as_ref().ok_or_else(|| wrong("E2B_API_KEY", "is not set"))
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn endpoint(get: &dyn Fn(&str) -> Option<String>) -> Result<Option<Endpoint>, SettingsError> {
    let address = |variable: &'static str| match get(variable) {
        Some(text) => web_address(variable, &text, IN_SANDBOXES).map(|_| Some(text)),
        None => Ok(None),
    };
    let (api_url, sandbox_url) = (address("E2B_API_URL")?, address("E2B_SANDBOX_URL")?);
    let Some(key) = get("E2B_API_KEY") else {
        // Somebody who names a host must not get another one without a word.
        if api_url.is_some() || sandbox_url.is_some() {
            return Err(wrong("E2B_API_KEY", "is needed with E2B_API_URL and E2B_SANDBOX_URL"));
        }
        return Ok(None);
    };
    let mut endpoint = match api_url {
        Some(url) => Endpoint::at(url, Secret::new(key)),
        None => Endpoint::real(Secret::new(key)),
    };
    endpoint.sandbox_url = sandbox_url.or(endpoint.sandbox_url);
    endpoint.template = get("E2B_TEMPLATE_ID").or(endpoint.template);
    Ok(Some(endpoint))
}

fn seconds(get: &dyn Fn(&str) -> Option<String>) -> Result<Option<u64>, SettingsError> {
    let Some(text) = get("GITLEDGER_SANDBOX_TTL_S") else { return Ok(None) };
    match text.parse() {
        Ok(seconds) if (60..=86_400).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(wrong("GITLEDGER_SANDBOX_TTL_S", "must be 60 to 86400 seconds")),
    }
}

fn wrong(variable: &str, rule: &str) -> SettingsError {
    SettingsError { variable: variable.to_owned(), rule: rule.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &'static [(&'static str, &'static str)]) -> Result<Settings, SettingsError> {
        Settings::read(&|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_wrong_variable_is_named() {
        let error = from(&[("PUSHGATEWAY_URL", "localhost:9091")]).unwrap_err();
        assert_eq!(error.variable, "PUSHGATEWAY_URL");
        let error = from(&[("E2B_API_URL", "http://127.0.0.1:3000")]).unwrap_err();
        assert_eq!(error.variable, "E2B_API_KEY");
        let error = from(&[("GITLEDGER_ALLOW_REMOTES", "ftp://x/")]).unwrap_err();
        assert_eq!(error.variable, "GITLEDGER_ALLOW_REMOTES");
    }

    #[test]
    fn an_address_of_the_web_holds_no_credentials() {
        let named: [&'static [(&'static str, &'static str)]; 4] = [
            &[("PUSHGATEWAY_URL", "http://me:canary@127.0.0.1:9091")],
            &[("REMOTE_WRITE_URL", "https://canary@prometheus.example/write")],
            &[("E2B_API_URL", "http://:canary@127.0.0.1:3000"), ("E2B_API_KEY", "k")],
            &[("E2B_SANDBOX_URL", "http://me:canary@127.0.0.1:3000"), ("E2B_API_KEY", "k")],
        ];
        for pairs in named {
            let error = from(pairs).unwrap_err();
            assert_eq!(error.variable, pairs[0].0);
            assert!(error.rule.starts_with("must hold no credentials; set "), "{error}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_pushgateway_is_told_who_publishes() {
        const URL: (&str, &str) = ("PUSHGATEWAY_URL", "http://127.0.0.1:9091");
        let error = from(&[URL, ("PUSHGATEWAY_USER", "me")]).unwrap_err();
        assert_eq!(error.variable, "PUSHGATEWAY_PASSWORD");
        let settings = from(&[URL, ("PUSHGATEWAY_USER", "me"), ("PUSHGATEWAY_PASSWORD", "canary")]).unwrap();
        assert!(!format!("{settings:?}").contains("canary"));
        let credential = settings.pushgateway.unwrap().credential;
        assert!(matches!(credential, crate::exporter::Credential::Basic { user, .. } if user == "me"));
    }

    #[test]
    fn a_token_is_for_its_host_only_and_never_printed() {
        let settings = from(&[("GITHUB_TOKEN", "canary-token")]).unwrap();
        let admit = |url| settings.remotes.admit("repo_url", url).unwrap();
        assert!(settings.tokens.for_remote(&admit("https://github.com/a/b")).is_some());
        assert!(settings.tokens.for_remote(&admit("https://github.com.evil.com/a/b")).is_none());
        assert!(settings.tokens.for_remote(&admit("https://github.com:8443/a/b")).is_none());
        assert!(!format!("{settings:?}").contains("canary-token"));
    }
}
