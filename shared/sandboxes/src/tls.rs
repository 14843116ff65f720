//! The one TLS implementation of the process, and its one trust store.

use std::sync::{Arc, OnceLock};

use reqwest::ClientBuilder;
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

/// Makes ring the process's TLS. To be called before any HTTP client is built; a second call, or one after
/// somebody else's choice, changes nothing.
pub fn install() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Has a client trust whom the system trusts. All clients share what was read first: the system's certificates are
/// some hundred and forty, and a function starts in less time than reading them once for each client takes.
pub fn trusting(builder: ClientBuilder) -> ClientBuilder {
    static SHARED: OnceLock<Option<ClientConfig>> = OnceLock::new();
    install();
    match SHARED.get_or_init(|| read().ok()) {
        Some(config) => builder.tls_backend_preconfigured(config.clone()),
        // It tries for itself, and says what is wrong when it is built.
        None => builder,
    }
}

fn read() -> Result<ClientConfig, rustls::Error> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions()?;
    Ok(versions.with_platform_verifier()?.with_no_client_auth())
}
