//! The caller's mistake: told before anything happens.

use serde::Serialize;

/// Why a request is refused. Nothing has been recorded as done, no sandbox was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct Rejection {
    /// Stable, kebab case: `invalid-argument`, `unknown-operation`, ...
    pub code: &'static str,
    /// Which field, as the caller wrote it (`files[2]`), or `body`, or the name of a header.
    pub field: String,
    /// What must hold.
    pub rule: String,
}

impl Rejection {
    /// A field that breaks a rule.
    pub fn argument(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { code: "invalid-argument", field: field.into(), rule: rule.into() }
    }
}
