//! Where numbers and events are published, and who publishes them.

use gitledger_operations::remote::holds_credentials;
use gitledger_sandboxes::Secret;

use super::tokens::numbered;
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

/// The variables that `pushgateway = user:password` and `remote-write = user:password` lines stand for. `of` is where
/// they are from, for whoever has to mend them.
pub fn logins(of: &str, text: &str) -> Result<Vec<(&'static str, String)>, SettingsError> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for (number, line) in numbered(text) {
        // The line itself is never shown: it holds a password.
        let refused = |rule: &str| wrong(of, &format!("line {number} {rule}"));
        let parts = line.split_once('=').and_then(|(receiver, login)| {
            // A user's name has no colon, a password may (RFC 7617, 2).
            let (user, password) = login.split_once(':')?;
            Some((receiver.trim(), user.trim(), password.trim()))
        });
        let Some((receiver, user, password)) =
            parts.filter(|(_, user, password)| !user.is_empty() && !password.is_empty())
        else {
            return Err(refused("must be `pushgateway = user:password` or `remote-write = user:password`"));
        };
        let (user_is, password_is) = match receiver {
            "pushgateway" => ("PUSHGATEWAY_USER", "PUSHGATEWAY_PASSWORD"),
            "remote-write" => ("REMOTE_WRITE_USER", "REMOTE_WRITE_PASSWORD"),
            _ => return Err(refused("must begin with `pushgateway =` or `remote-write =`")),
        };
        if found.iter().any(|(variable, _)| *variable == user_is) {
            return Err(refused("is the second for the same receiver"));
        }
        found.extend([(user_is, user.to_owned()), (password_is, password.to_owned())]);
    }
    Ok(found)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_the_variables_they_stand_for() {
        let text = "# receiver = user:password\n\npushgateway = ci:one\n remote-write=123456:glc_a=b:c \n";
        let wanted = [
            ("PUSHGATEWAY_USER", "ci"),
            ("PUSHGATEWAY_PASSWORD", "one"),
            ("REMOTE_WRITE_USER", "123456"),
            ("REMOTE_WRITE_PASSWORD", "glc_a=b:c"),
        ];
        let found = logins("the secret", text).unwrap();
        assert!(found.iter().map(|(name, value)| (*name, value.as_str())).eq(wanted), "{found:?}");
        assert!(logins("the secret", "# receiver = user:password").unwrap().is_empty());
    }

    #[test]
    fn a_line_that_is_no_login_is_told_by_its_number_and_not_shown() {
        let form = "must be `pushgateway = user:password` or `remote-write = user:password`";
        for (line, rule) in [
            ("canary", form),
            ("pushgateway = canary", form),
            ("pushgateway = :canary", form),
            ("remote-write = canary:", form),
            ("prometheus = me:canary", "must begin with `pushgateway =` or `remote-write =`"),
            ("pushgateway = me:canary", "is the second for the same receiver"),
        ] {
            let error = logins("the secret", &format!("# ours\npushgateway = ci:one\n{line}\n"));
            assert_eq!(error.unwrap_err().to_string(), format!("the secret: line 3 {rule}"), "{line}");
        }
    }
}
