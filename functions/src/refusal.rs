//! Why there is no answer: the caller's mistake, or our own trouble.

use gitledger_ledger::{AppendError, LedgerError};
use gitledger_operations::Rejection;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// No answer. Says whose move it is.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The caller's mistake; nothing happened.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The request carries no good API key.
    #[error("the Authorization header {rule}")]
    Unauthenticated {
        /// What is wrong with it; never any of it.
        rule: String,
    },
    /// The key was used for another request.
    #[error("the key belongs to another request")]
    KeyReused,
    /// There is no such thing.
    #[error("no such {what}")]
    NotFound {
        /// What was looked for: `operation`, `sandbox`, `route`.
        what: &'static str,
    },
    /// The body is larger than any operation takes.
    #[error("the body is too large")]
    TooLarge {
        /// How large it may be, in bytes.
        max: usize,
    },
    /// Ours or the platform's trouble. The text is for the log, never for the caller.
    #[error("{0}")]
    Fault(String),
}

/// Why there is no answer, as RFC 9457 writes it: `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// `urn:gitledger:problem:` and the code.
    pub r#type: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    /// Stable, kebab case.
    #[schemars(regex(pattern = "^[a-z]+(-[a-z]+)*$"))]
    pub code: String,
    /// Which field, as the caller wrote it (`files[2]`), or `body`, or a header's name, or what is missing.
    pub field: String,
    /// What must hold.
    pub rule: String,
    /// Both in one sentence.
    pub detail: String,
}

impl Refusal {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Rejected(rejection) if rejection.code == "unknown-operation" => 404,
            Self::Rejected(rejection) if rejection.code == "budget-exceeded" => 402,
            Self::Rejected(rejection) if rejection.code == "forbidden" => 403,
            Self::Rejected(rejection) if rejection.code == "bad-signature" => 401,
            Self::Rejected(rejection) if rejection.code == "method-not-allowed" => 405,
            Self::Rejected(_) => 400,
            Self::Unauthenticated { .. } => 401,
            Self::KeyReused => 422,
            Self::NotFound { .. } => 404,
            Self::TooLarge { .. } => 413,
            Self::Fault(_) => 503,
        }
    }

    /// The `WWW-Authenticate` header, of a request without a good key.
    pub fn challenge(&self) -> Option<&'static str> {
        matches!(self, Self::Unauthenticated { .. }).then_some("Bearer")
    }

    /// The body, a [`Problem`].
    pub fn problem(&self) -> Value {
        let (code, field, rule) = match self {
            Self::Rejected(rejection) => (rejection.code, rejection.field.clone(), rejection.rule.clone()),
            Self::Unauthenticated { rule } => ("unauthenticated", "Authorization".to_owned(), rule.clone()),
            Self::KeyReused => (
                "idempotency-conflict",
                "Idempotency-Key".to_owned(),
                "was used for another request; use a new key for a new request".to_owned(),
            ),
            Self::NotFound { what } => ("not-found", (*what).to_owned(), "does not exist".to_owned()),
            Self::TooLarge { max } => {
                ("too-large", "body".to_owned(), format!("must be at most {max} bytes"))
            }
            Self::Fault(_) => (
                "unavailable",
                "service".to_owned(),
                "could not do its work; nothing is lost, try again with the same Idempotency-Key".to_owned(),
            ),
        };
        json!(Problem {
            r#type: format!("urn:gitledger:problem:{code}"),
            title: code.replace('-', " "),
            status: self.status(),
            code: code.to_owned(),
            detail: format!("{field} {rule}"),
            field,
            rule,
        })
    }
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        Self::Fault(error.to_string())
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        Self::Fault(error.to_string())
    }
}
