//! A secret in memory: it can be used, but not printed by accident.

use std::fmt;

/// A token or key. Its contents are reached by [`Secret::expose`] only, so every place that uses them can
/// be found. Deliberately absent: `Display`, `Serialize`, comparison.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// 256 random bits as text; `None` when the system has no randomness to give.
    pub fn random() -> Option<Self> {
        Some(Self(format!("{}{}", crate::random::nonce()?, crate::random::nonce()?)))
    }

    /// The contents. Never for argv, URLs, events, logs or metrics.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// As a header's value that HTTP libraries do not print either; `None` when it cannot be one.
    pub(crate) fn header(&self) -> Option<reqwest::header::HeaderValue> {
        let mut value = reqwest::header::HeaderValue::from_str(&self.0).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_does_not_print_itself() {
        let secret = Secret::new("hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert!(!format!("{:?}", secret.header()).contains("hunter2"));
        assert_eq!(secret.expose(), "hunter2");
    }
}
