//! Where numbers and events are published, and who publishes them.

use gitledger_sandboxes::Secret;

use super::{SettingsError, wrong};
use crate::exporter::{self, Credential, Destination};
use crate::feed::NatsServer;

pub(super) fn remote_write(
    get: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Destination>, SettingsError> {
    let Some(address) = get("REMOTE_WRITE_URL") else { return Ok(None) };
    let address = web_address("REMOTE_WRITE_URL", &address)?;
    let needed = |name: &str| get(name).ok_or_else(|| wrong(name, "is needed for remote write as it is set"));
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
        (None, Some(user)) => {
            Credential::Basic { user, password: Secret::new(needed("REMOTE_WRITE_PASSWORD")?) }
        }
        (None, None) => Credential::Plain,
    };
    Ok(Some(Destination { address, credential }))
}

pub(super) fn nats(get: &dyn Fn(&str) -> Option<String>, address: &str) -> Result<NatsServer, SettingsError> {
    let server = NatsServer::new(address, get("NATS_TOKEN"), get("NATS_USER"), get("NATS_PASSWORD"));
    server.map_err(|(variable, rule)| wrong(variable, &rule))
}

pub(super) fn web_address(variable: &str, text: &str) -> Result<url::Url, SettingsError> {
    let url = url::Url::parse(text).map_err(|error| wrong(variable, &format!("is not a URL: {error}")))?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        return Ok(url);
    }
    Err(wrong(variable, "must start with http:// or https:// and a host"))
}
