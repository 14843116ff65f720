//! The one TLS implementation of the process, and its one trust store.

use std::sync::{Arc, OnceLock};

use reqwest::ClientBuilder;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// Whom a process trusts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Roots {
    /// Whom the system trusts, `SSL_CERT_FILE` and `SSL_CERT_DIR` included: some hundred and forty certificates,
    /// which are read and parsed.
    System,
    /// Whom Mozilla's programme trusted when this was built. Nothing is read: for a function, which starts often and
    /// whose system has the same list.
    CompiledIn,
}

static ROOTS: OnceLock<Roots> = OnceLock::new();

/// Makes ring the process's TLS. To be called before any HTTP client is built; a second call, or one after
/// somebody else's choice, changes nothing.
pub fn install() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Says whom the process trusts, which is [`Roots::System`] where nobody says it. To be called before any HTTP client
/// is built; who says it first is right.
pub fn trust(roots: Roots) {
    let _ = ROOTS.set(roots);
}

/// What the process's TLS is made with. It is made once, and a change of whom the system trusts is seen by the next
/// process: a function starts in less time than reading the system's
/// certificates for each client takes.
pub fn config() -> Result<ClientConfig, rustls::Error> {
    static SHARED: OnceLock<ClientConfig> = OnceLock::new();
    install();
    if let Some(config) = SHARED.get() {
        return Ok(config.clone());
    }
    // What could not be made may be the next time.
    let config = made(*ROOTS.get_or_init(|| Roots::System))?;
    Ok(SHARED.get_or_init(|| config).clone())
}

/// Has a client trust whom the process trusts.
pub fn trusting(builder: ClientBuilder) -> ClientBuilder {
    match config() {
        Ok(config) => builder.tls_backend_preconfigured(config),
        // It tries for itself, and says what is wrong when it is built.
        Err(_) => builder,
    }
}

fn made(roots: Roots) -> Result<ClientConfig, rustls::Error> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions()?;
    let trusting = match roots {
        Roots::System => versions.with_platform_verifier()?,
        Roots::CompiledIn => versions.with_root_certificates(compiled_in()),
    };
    Ok(trusting.with_no_client_auth())
}

fn compiled_in() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_signs_for_aws_is_compiled_in() {
        let named = |root: &rustls::pki_types::TrustAnchor<'_>| {
            String::from_utf8_lossy(&root.subject).contains("Amazon Root CA 1")
        };
        assert!(compiled_in().roots.iter().any(named));
        assert!(made(Roots::CompiledIn).is_ok());
    }
}
