//! Where numbers and events are published, and who publishes them.

use gitledger_operations::remote::holds_credentials;
use gitledger_sandboxes::Secret;

use super::{SettingsError, wrong};
use crate::exporter::{self, Credential, Destination};
use crate::feed::NatsServer;

const IN_PUSHGATEWAY: &str = "set PUSHGATEWAY_USER and PUSHGATEWAY_PASSWORD";
const IN_REMOTE_WRITE: &str = "set REMOTE_WRITE_USER and REMOTE_WRITE_PASSWORD";
pub(super) const IN_SANDBOXES: &str = "set E2B_API_KEY";

pub(super) fn pushgateway(
    get: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Destination>, SettingsError> {
    let Some(address) = get("PUSHGATEWAY_URL") else { return Ok(None) };
    let address = web_address("PUSHGATEWAY_URL", &address, IN_PUSHGATEWAY)?;
    let credential = match get("PUSHGATEWAY_USER") {
        Some(user) => Credential::Basic { user, password: password(get, "PUSHGATEWAY_PASSWORD")? },
        None => Credential::Plain,
    };
    Ok(Some(Destination { address, credential }))
}

pub(super) fn remote_write(
    get: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Destination>, SettingsError> {
    let Some(address) = get("REMOTE_WRITE_URL") else { return Ok(None) };
    let address = web_address("REMOTE_WRITE_URL", &address, IN_REMOTE_WRITE)?;
    let needed = |name: &str| needed(get, name);
    let credential = match (get("REMOTE_WRITE_REGION"), get("REMOTE_WRITE_USER")) {
        (Some(_), Some(_)) => {
            return Err(wrong("REMOTE_WRITE_USER", "goes without REMOTE_WRITE_REGION"));
        }
        (Some(region), None) => Credential::Aws(exporter::Aws {
            region,
            key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret: Secret::new(needed("AWS_SECRET_ACCESS_KEY")?),
            session_token: get("AWS_SESSION_TOKEN").map(Secret::new),
        }),
        (None, Some(user)) => Credential::Basic { user, password: password(get, "REMOTE_WRITE_PASSWORD")? },
        (None, None) => Credential::Plain,
    };
    Ok(Some(Destination { address, credential }))
}

fn password(get: &dyn Fn(&str) -> Option<String>, name: &str) -> Result<Secret, SettingsError> {
    needed(get, name).map(Secret::new)
}

fn needed(get: &dyn Fn(&str) -> Option<String>, name: &str) -> Result<String, SettingsError> {
    get(name).ok_or_else(|| wrong(name, "is needed for what is published as it is set"))
}

pub(super) fn nats(get: &dyn Fn(&str) -> Option<String>, address: &str) -> Result<NatsServer, SettingsError> {
    let server = NatsServer::new(address, get("NATS_TOKEN"), get("NATS_USER"), get("NATS_PASSWORD"));
    server.map_err(|(variable, rule)| wrong(variable, &rule))
}

/// An address of the web; `instead` is where its credentials belong, because addresses are shown and logged.
pub(super) fn web_address(variable: &str, text: &str, instead: &str) -> Result<url::Url, SettingsError> {
    let url = url::Url::parse(text).map_err(|error| wrong(variable, &format!("is not a URL: {error}")))?;
    if holds_credentials(&url) {
        return Err(wrong(variable, &format!("must hold no credentials; {instead}")));
    }
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        return Ok(url);
    }
    Err(wrong(variable, "must start with http:// or https:// and a host"))
}
