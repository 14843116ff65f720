//! Calls of a gateway that runs elsewhere.

use gitledger_functions::exporter::is_this_machine;
use gitledger_operations::remote::holds_credentials;
use gitledger_operations::table;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use url::Url;

/// A client for a gateway. Without a deadline: operations end by their own. An address that holds a credential is
/// refused, because addresses are shown and logged, and not repeated.
pub fn client(url: &str) -> Result<Client, String> {
    let url = Url::parse(url).map_err(|error| format!("--url is not a URL: {error}"))?;
    if holds_credentials(&url) {
        return Err("--url must hold no credentials; set GITLEDGER_API_KEY".to_owned());
    }
    gitledger_sandboxes::tls::install();
    let builder = Client::builder();
    // A proxy elsewhere cannot reach what is served on loopback.
    let builder = if is_this_machine(&url) { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| error.to_string())
}

/// The call of an operation at a gateway. A name that there is none of is refused there.
pub fn post(client: &Client, url: &str, operation: &str, input: &Value) -> RequestBuilder {
    let Some(declaration) = table::find(operation) else {
        return client.post(format!("{url}/git/{operation}")).json(input);
    };
    let call = client.post(format!("{url}{}", declaration.path()));
    if !declaration.signed {
        return call.json(input);
    }
    // As E2B sends it: the body as it is, its signature beside it.
    let text = |field: &str| input.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let call = call.header("e2b-signature", text("signature")).body(text("body"));
    match input.get("signature_version").and_then(Value::as_str) {
        Some(version) => call.header("e2b-signature-version", version),
        None => call,
    }
}

#[cfg(test)]
mod tests {
    use super::client;

    #[test]
    fn a_gateways_address_holds_no_credentials() {
        assert!(client("http://127.0.0.1:8000").is_ok());
        for url in ["http://me:canary@gitledger.example", "https://canary@gitledger.example", "canary"] {
            let error = client(url).unwrap_err();
            assert!(error.starts_with("--url ") && !error.contains("canary"), "{error}");
        }
    }
}
