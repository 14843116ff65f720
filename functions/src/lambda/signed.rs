//! The two calls to AWS that are not the ledger's, signed: a whole client for each would be larger than the rest of
//! a function.

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
    headers: &[(&str, &str)],
    body: &Value,
) -> Result<Value, lambda_runtime::Error> {
    let base = aws.endpoint.clone().unwrap_or_else(|| {
        format!("https://{}.{}.amazonaws.com", service.name, aws.region.as_deref().unwrap_or("us-east-1"))
    });
    let url = format!("{}{}", base.trim_end_matches('/'), service.path);
    let body = body.to_string();
    let json = if service.target.is_some() { "application/x-amz-json-1.1" } else { "application/json" };
    let mut all = vec![("content-type", json)];
    all.extend(service.target.map(|target| ("x-amz-target", target)));
    all.extend(headers);
    let signature = signature(aws, service.name, &url, &all, &body)?;
    gitledger_sandboxes::tls::install();
    let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(10));
    let plain = url.starts_with("http://");
    let client = if plain { client.no_proxy().tls_certs_only([]) } else { client }.build()?;
    let mut request = client.post(&url).body(body);
    for (name, value) in all.iter().map(|(name, value)| (*name, (*value).to_owned())) {
        request = request.header(name, value);
    }
    for (name, value) in signature {
        request = request.header(name, value);
    }
    let response = request.send().await.map_err(reqwest::Error::without_url)?;
    let status = response.status();
    let bytes = response.bytes().await.map_err(reqwest::Error::without_url)?;
    if !status.is_success() {
        // AWS names the error and no secret.
        let said: String = String::from_utf8_lossy(&bytes).chars().take(300).collect();
        return Err(format!("{} answered {status}: {said}", service.name).into());
    }
    if bytes.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&bytes)?) }
}

#[cfg(feature = "aws")]
fn signature(
    aws: &Aws,
    service: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Vec<(String, String)>, lambda_runtime::Error> {
    use aws_credential_types::Credentials;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    let (Some(id), Some(secret)) = (&aws.access_key_id, &aws.secret_access_key) else {
        return Err("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set".into());
    };
    let token = aws.session_token.as_ref().map(|token| token.expose().to_owned());
    let identity = Credentials::new(id, secret.expose(), token, None, "environment").into();
    let params = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region(aws.region.as_deref().unwrap_or("us-east-1"))
        .name(service)
        .time(std::time::SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let request =
        SignableRequest::new("POST", url, headers.iter().copied(), SignableBody::Bytes(body.as_bytes()))?;
    let (instructions, _) = sign(request, &params)?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Without AWS there is nobody to ask.
#[cfg(not(feature = "aws"))]
#[allow(clippy::unused_async)] // the same to whoever calls it
pub(super) async fn post(
    _: &Aws,
    service: &Service<'_>,
    _: &[(&str, &str)],
    _: &Value,
) -> Result<Value, lambda_runtime::Error> {
    let Service { name, path, target } = service;
    let what = target.unwrap_or(path);
    Err(format!("{name} {what}: this program was built without AWS; build it with `--features gitledger-functions/aws`").into())
}
