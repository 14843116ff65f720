//! The one TLS implementation of the process.

/// Makes ring the process's TLS. To be called before any HTTP client is built; a second call, or one after
/// somebody else's choice, changes nothing.
pub fn install() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
