//! What functions read of Secrets Manager, when their world is made: only what the function's policy lets it.

use lambda_runtime::Error;
use serde_json::{Value, json};

use super::signed::{self, Service};
use crate::catalogue::Needs;
use crate::settings::{Aws, Settings, logins};

/// The settings, with the secrets that this function needs and that are named by their ARN.
pub(super) async fn settings(needs: Needs) -> Result<Settings, Error> {
    let named = Settings::named_secrets();
    let mut found = Vec::new();
    for (variable, arn, needed) in [
        ("E2B_API_KEY", &named.sandbox_key, needs.sandbox_key),
        ("E2B_WEBHOOK_SECRET", &named.webhook, needs.webhook_secret),
    ] {
        if let Some(arn) = arn.as_ref().filter(|_| needed) {
            found.push((variable, read(&Settings::aws(), arn).await?));
        }
    }
    if let Some(arn) = named.metrics_logins.as_ref().filter(|_| needs.metrics_logins) {
        found.extend(logins(arn, &read(&Settings::aws(), arn).await?)?);
    }
    let mut settings = Settings::from_env_with(&found, needs.sandbox_key)?;
    if let Some(arn) = settings.secrets.git_tokens.clone().filter(|_| needs.git_tokens) {
        let lines = read(&settings.aws, &arn).await?;
        settings.tokens.add_lines(&arn, &lines)?;
    }
    Ok(settings)
}

/// The text of a secret.
pub(super) async fn read(aws: &Aws, arn: &str) -> Result<String, Error> {
    let service =
        Service { name: "secretsmanager", path: "/", target: Some("secretsmanager.GetSecretValue") };
    let answer = signed::post(aws, &service, &[], &json!({"SecretId": arn})).await?;
    let text = answer.get("SecretString").and_then(Value::as_str).map(|text| text.trim().to_owned());
    text.filter(|text| !text.is_empty()).ok_or_else(|| format!("the secret {arn} holds no text").into())
}
