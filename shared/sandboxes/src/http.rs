//! The one HTTP client of the process, and bounded reading of answers.

use std::time::Duration;

use reqwest::{Client, Response};

use crate::{Endpoint, SandboxError};

/// Time to a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Sandboxes are few hosts with many calls; connections are kept for as long as a Lambda stays warm.
const IDLE: Duration = Duration::from_secs(90);
/// The largest answer that is read whole, in bytes.
pub(crate) const ANSWER_BYTES_MAX: usize = 4 << 20;

/// A client that keeps its connections. HTTP/1.1: it is what envd's streams are tested with everywhere.
pub(crate) fn client(endpoint: &Endpoint) -> Result<Client, SandboxError> {
    crate::tls::install();
    let builder = Client::builder()
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("gitledger/", env!("CARGO_PKG_VERSION")));
    // Without TLS there is no need to look for certificates, and none to have any; and what is on this
    // machine is not asked for through a proxy.
    let builder = if endpoint.is_plain() {
        builder.tls_certs_only([]).no_proxy()
    } else {
        crate::tls::trusting(builder)
    };
    builder.build().map_err(|error| SandboxError::Unavailable(format!("HTTP client: {}", chain(&error))))
}

/// Reads an answer whole, up to the limit.
pub(crate) async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error))? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(format!("answer is over {ANSWER_BYTES_MAX} bytes"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// An error with its causes, in one line, without the URL (it may name a sandbox's file).
pub(crate) fn chain(error: &reqwest::Error) -> String {
    let mut text = String::from(if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "broken off"
    });
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// What the other side says about an error: the `message` of its JSON, else the start of its text.
pub(crate) fn said(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        message: String,
    }
    match serde_json::from_slice::<Said>(body) {
        Ok(said) => said.message.chars().take(300).collect(),
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned(),
    }
}
