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

/// What the process's TLS is made with. It is made once: a function starts in less time than reading the system's
/// certificates for each client takes.
pub fn config() -> Result<ClientConfig, rustls::Error> {
    static SHARED: OnceLock<Result<ClientConfig, rustls::Error>> = OnceLock::new();
    install();
    SHARED.get_or_init(|| made(*ROOTS.get_or_init(|| Roots::System))).clone()
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
        Roots::CompiledIn => {
            let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            versions.with_root_certificates(roots)
        }
    };
    Ok(trusting.with_no_client_auth())
}
