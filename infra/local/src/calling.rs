//! Calls of a gateway that runs elsewhere.

use gitledger_functions::exporter::is_this_machine;
use gitledger_functions::refusal::Problem;
use gitledger_operations::remote::holds_credentials;
use gitledger_operations::table;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
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

/// An answer as gitledger gives it. What stands before its functions, API Gateway for example, has refusals of its own,
/// `{"message": ...}`: of a key, of too many requests, or because no function was free.
pub fn answer(status: u16, answer: Value) -> Value {
    let message = answer.get("message").or_else(|| answer.get("Message")).and_then(Value::as_str);
    let (400.., None, Some(message)) = (status, answer.get("code"), message) else { return answer };
    let (code, field, rule) = match status {
        401 | 403 => ("unauthenticated", "Authorization", format!("is not a key that is let in ({message})")),
        _ => (
            "unavailable",
            "gateway",
            format!("answers {status}, {message}; try again with the same Idempotency-Key"),
        ),
    };
    json!(Problem {
        r#type: format!("urn:gitledger:problem:{code}"),
        title: code.to_owned(),
        status,
        code: code.to_owned(),
        field: field.to_owned(),
        detail: format!("{field} {rule}"),
        rule,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateways_address_holds_no_credentials() {
        assert!(client("http://127.0.0.1:8000").is_ok());
        for url in ["http://me:canary@gitledger.example", "https://canary@gitledger.example", "canary"] {
            let error = client(url).unwrap_err();
            assert!(error.starts_with("--url ") && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn what_stands_before_gitledger_is_understood() {
        for (status, code, field) in [
            (401, "unauthenticated", "Authorization"),
            (403, "unauthenticated", "Authorization"),
            (429, "unavailable", "gateway"),
            (503, "unavailable", "gateway"),
        ] {
            let told = answer(status, json!({"message": "No"}));
            assert_eq!((&told["code"], &told["field"]), (&json!(code), &json!(field)), "{status}");
            assert!(told["rule"].as_str().unwrap().contains("No"), "{told}");
        }
        for (status, own) in [
            (200, json!({"message": "an output's"})),
            (400, json!({"code": "invalid-argument", "message": "x"})),
            (500, json!({})),
        ] {
            assert_eq!(answer(status, own.clone()), own);
        }
    }
}
