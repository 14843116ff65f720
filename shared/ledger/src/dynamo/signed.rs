//! Signed requests to what has no SDK here: a table's stream and a bucket, a handful of requests each.

use std::time::SystemTime;

use aws_sdk_dynamodb::config::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use http::{Method, StatusCode};
use url::Url;

use super::settings::AccessKeys;
use crate::LedgerError;

/// Sends requests with a role's signature, through the process's HTTP client.
#[derive(Clone, Debug)]
pub struct Signed {
    client: reqwest::Client,
    keys: AccessKeys,
    region: String,
    service: &'static str,
}

impl Signed {
    /// For one service of a region.
    pub fn new(client: reqwest::Client, keys: AccessKeys, region: String, service: &'static str) -> Self {
        Self { client, keys, region, service }
    }

    /// Signs and sends; the answer's status and body, whatever they are.
    pub async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), LedgerError> {
        let failed = |error: &dyn std::fmt::Display| LedgerError::at(self.service, error);
        let mut request = http::Request::builder().method(method).uri(url.as_str());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body).map_err(|error| failed(&error))?;
        self.sign(&mut request).map_err(|error| failed(&error))?;
        let request = reqwest::Request::try_from(request).map_err(|error| failed(&error))?;
        let response = self.client.execute(request).await.map_err(|error| failed(&error.without_url()))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| failed(&error.without_url()))?;
        Ok((status, body))
    }

    fn sign(
        &self,
        request: &mut http::Request<Vec<u8>>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let keys = self.keys.clone();
        let identity = Credentials::new(keys.id, keys.secret, keys.session_token, None, "gitledger").into();
        let mut settings = SigningSettings::default();
        if self.service == "s3" {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::now())
            .settings(settings)
            .build()?
            .into();
        let uri = request.uri().to_string();
        let headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let signable = SignableRequest::new(
            request.method().as_str(),
            &uri,
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())),
            SignableBody::Bytes(request.body()),
        )?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}
