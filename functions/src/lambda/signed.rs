//! The two calls to AWS that are not the ledger's, signed: a whole client for each would be larger than the rest of
//! a function.

use lambda_runtime::Error;
use serde_json::Value;

use crate::settings::Aws;

/// Which service, and what of it.
pub(super) struct Service<'a> {
    /// As in its host's name and in the signature.
    pub name: &'static str,
    pub path: &'a str,
    /// Of services that tell their actions by a header.
    pub target: Option<&'static str>,
}

/// Sends JSON, and reads JSON, or nothing.
#[cfg(feature = "aws")]
pub(super) async fn post(
    aws: &Aws,
    service: &Service<'_>,
    headers: &[(&'static str, &str)],
    body: &Value,
) -> Result<Value, Error> {
    use gitledger_ledger::dynamo::Signed;
    let region = super::dynamo::region(aws);
    let own = || format!("https://{}.{region}.amazonaws.com", service.name);
    let base = aws.endpoint.clone().unwrap_or_else(own);
    let url = format!("{}{}", base.trim_end_matches('/'), service.path).parse()?;
    let json = if service.target.is_some() { "application/x-amz-json-1.1" } else { "application/json" };
    let mut all = vec![("content-type", json)];
    all.extend(service.target.map(|target| ("x-amz-target", target)));
    all.extend(headers);
    let signed = Signed::new(super::dynamo::client(&base)?, super::dynamo::keys(aws)?, region, service.name);
    let (status, bytes) =
        signed.send(reqwest::Method::POST, &url, &all, body.to_string().into_bytes()).await?;
    if !status.is_success() {
        // AWS names the error and no secret.
        let said: String = String::from_utf8_lossy(&bytes).chars().take(300).collect();
        return Err(format!("{} answered {status}: {said}", service.name).into());
    }
    if bytes.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&bytes)?) }
}

/// Without AWS there is nobody to ask.
#[cfg(not(feature = "aws"))]
#[allow(clippy::unused_async)] // the same to whoever calls it
pub(super) async fn post(
    _: &Aws,
    service: &Service<'_>,
    _: &[(&'static str, &str)],
    _: &Value,
) -> Result<Value, Error> {
    let Service { name, path, target } = service;
    let what = target.unwrap_or(path);
    Err(format!("{name} {what}: {}", super::WITHOUT_AWS).into())
}
