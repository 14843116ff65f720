//! What is not on this machine: the ledger's tables, AWS itself, and the secrets that it keeps.

use gitledger_sandboxes::Secret;

use super::{SettingsError, wrong};

/// Where the ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerKind {
    /// A file in the data directory.
    Sqlite,
    /// Tables in AWS.
    Dynamo,
}

/// Where AWS is and who asks it, as Lambda tells its functions.
#[derive(Clone, Debug, Default)]
pub struct Aws {
    /// For example `us-east-1`.
    pub region: Option<String>,
    /// An address instead of AWS's own.
    pub endpoint: Option<String>,
    /// An address instead of DynamoDB's own.
    pub dynamodb: Option<String>,
    /// The key's id.
    pub access_key_id: Option<String>,
    /// The key.
    pub secret_access_key: Option<Secret>,
    /// What goes with a key that lasts for hours only.
    pub session_token: Option<Secret>,
}

/// Where in AWS the ledger is.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// The table of commits.
    pub events: String,
    /// The table of the log and of the projections.
    pub log: String,
    /// The bucket for what no item can hold.
    pub bucket: Option<String>,
}

/// Secrets that are kept elsewhere: the ARN of each.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// Of the sandboxes' host.
    pub sandbox_key: Option<String>,
    /// What E2B's webhooks are signed with.
    pub webhook: Option<String>,
    /// `host = token` lines.
    pub git_tokens: Option<String>,
    /// The file of API keys.
    pub api_keys: Option<String>,
    /// `receiver = user:password` lines.
    pub metrics_logins: Option<String>,
}

pub(super) fn ledger(get: &dyn Fn(&str) -> Option<String>) -> Result<LedgerKind, SettingsError> {
    match get("GITLEDGER_LEDGER").as_deref() {
        None | Some("sqlite") => Ok(LedgerKind::Sqlite),
        Some("dynamodb") => Ok(LedgerKind::Dynamo),
        Some(_) => Err(wrong("GITLEDGER_LEDGER", "must be `sqlite` or `dynamodb`")),
    }
}

pub(super) fn tables(get: &dyn Fn(&str) -> Option<String>) -> Tables {
    Tables {
        events: get("GITLEDGER_EVENTS_TABLE").unwrap_or_else(|| "gitledger-events".to_owned()),
        log: get("GITLEDGER_LOG_TABLE").unwrap_or_else(|| "gitledger-log".to_owned()),
        bucket: get("GITLEDGER_BUCKET"),
    }
}

/// Lambda's own names for what it tells every function.
pub(super) fn aws(get: &dyn Fn(&str) -> Option<String>) -> Aws {
    Aws {
        region: get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION")),
        endpoint: get("AWS_ENDPOINT_URL"),
        dynamodb: get("DYNAMODB_ENDPOINT").or_else(|| get("AWS_ENDPOINT_URL")),
        access_key_id: get("AWS_ACCESS_KEY_ID"),
        secret_access_key: get("AWS_SECRET_ACCESS_KEY").map(Secret::new),
        session_token: get("AWS_SESSION_TOKEN").map(Secret::new),
    }
}

pub(super) fn secrets(get: &dyn Fn(&str) -> Option<String>) -> Secrets {
    Secrets {
        sandbox_key: get("E2B_API_KEY_ARN"),
        webhook: get("E2B_WEBHOOK_SECRET_ARN"),
        git_tokens: get("GITLEDGER_GIT_TOKENS_ARN"),
        api_keys: get("GITLEDGER_API_KEYS_ARN"),
        metrics_logins: get("GITLEDGER_METRICS_LOGINS_ARN"),
    }
}
