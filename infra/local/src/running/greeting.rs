//! What the system tells its user when it has started.

use gitledger_functions::Settings;
use gitledger_functions::settings::LEDGER_FILE;
use gitledger_sandbox_host::Host;
use gitledger_sandboxes::Endpoint;
use url::Url;

use super::feeding::Feeder;

/// What is told at the start. `url` is empty where there is no gateway.
pub(super) fn lines(
    settings: &Settings,
    host: Option<&Host>,
    feeder: Option<&Feeder>,
    url: &str,
) -> Vec<String> {
    let data = settings.data_dir.display();
    let mut lines = Vec::new();
    if !url.is_empty() {
        lines.push(format!("gateway        {url}"));
    }
    lines.push(sandboxes_line(host, settings.endpoint.as_ref()));
    lines.push(format!("ledger         {}", settings.data_dir.join(LEDGER_FILE).display()));
    if settings.keys_required {
        lines.push(format!("keys           required; {}", settings.keys_file().display()));
    }
    if let Some(pushgateway) = &settings.pushgateway {
        lines.push(format!("published      metrics to {} every 15 s", origin(&pushgateway.address)));
    }
    if let Some(remote) = &settings.remote_write {
        lines.push(format!(
            "published      metrics by remote write to {} every 15 s",
            origin(&remote.address)
        ));
    }
    lines.extend(feeder.map(Feeder::line));
    if !url.is_empty() {
        lines.push(format!("metrics        {url}/metrics"));
        lines.push(format!("dashboard      {url}/dashboard"));
        lines.push(format!("try            curl -s {url}/ ; gitledger events --follow --data {data}"));
    }
    lines
}

/// Scheme, host and port: the rest of an address may hold what nobody else should read.
fn origin(address: &Url) -> String {
    address.origin().ascii_serialization()
}

fn sandboxes_line(host: Option<&Host>, endpoint: Option<&Endpoint>) -> String {
    match (host, endpoint) {
        (Some(host), _) => format!("sandboxes      on this machine, {} ({})", host.url(), host.isolation()),
        (None, Some(endpoint)) => {
            let address = Url::parse(&endpoint.api_url).map_or_else(|_| String::new(), |url| origin(&url));
            format!("sandboxes      {address}")
        }
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_the_start_tells_nothing_that_could_be_a_secret() {
        let named = [
            ("E2B_API_KEY", "canary"),
            ("E2B_API_URL", "https://e2b.example:8443/canary?key=canary"),
            ("PUSHGATEWAY_URL", "https://pushes.example/canary?token=canary"),
            ("REMOTE_WRITE_URL", "http://127.0.0.1:9090/api/v1/write?token=canary"),
        ];
        let value =
            |name: &str| named.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let told = lines(&Settings::read(&value).unwrap(), None, None, "").join("\n");
        assert!(!told.contains("canary"), "{told}");
        for shown in ["https://e2b.example:8443", "https://pushes.example ", "http://127.0.0.1:9090 "] {
            assert!(told.contains(shown), "{told}");
        }
    }
}
