//! Claim checks in S3. Put, get and delete, signed by hand: S3's SDK is as large as all the rest together.

use async_trait::async_trait;
use http::{Method, StatusCode};
use url::Url;

use super::claims::Bulk;
use super::settings::{AccessKeys, Bucket};
use super::signed::Signed;
use crate::LedgerError;

/// So often a request is tried.
const TRIES: u32 = 3;

/// A bucket.
#[derive(Clone, Debug)]
pub struct S3 {
    signed: Signed,
    /// Where names are appended.
    base: Url,
}

impl S3 {
    /// The bucket, through the process's HTTP client.
    pub fn new(
        bucket: &Bucket,
        region: &str,
        keys: AccessKeys,
        client: reqwest::Client,
    ) -> Result<Self, LedgerError> {
        let base = match &bucket.endpoint {
            Some(endpoint) => format!("{}/{}/", endpoint.as_str().trim_end_matches('/'), bucket.name),
            None => format!("https://{}.s3.{region}.amazonaws.com/", bucket.name),
        };
        let base = Url::parse(&base).map_err(|error| LedgerError::at("the bucket's address", error))?;
        Ok(Self { signed: Signed::new(client, keys, region.to_owned(), "s3"), base })
    }

    async fn ask(&self, method: Method, name: &str, body: Vec<u8>) -> Result<bytes::Bytes, LedgerError> {
        // Names hold `@` and `#`, which mean something in an address.
        let name = name.replace(['#', '@'], "-");
        let url = self.base.join(&name).map_err(|error| LedgerError::at("a name in the bucket", error))?;
        let mut tried = 1;
        loop {
            let answer = self.signed.send(method.clone(), &url, &[], body.clone()).await;
            let error = match answer {
                Ok((status, body)) if status.is_success() => return Ok(body),
                Ok((StatusCode::NOT_FOUND, _)) if method == Method::DELETE => return Ok(bytes::Bytes::new()),
                Ok((status, _)) if status.is_client_error() => {
                    return Err(LedgerError::Engine(format!("s3: {method} {name}: {status}")));
                }
                Ok((status, _)) => LedgerError::Engine(format!("s3: {method} {name}: {status}")),
                Err(error) => error,
            };
            if tried == TRIES {
                return Err(error);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50 << tried)).await;
            tried += 1;
        }
    }
}

#[async_trait]
impl Bulk for S3 {
    async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), LedgerError> {
        self.ask(Method::PUT, name, bytes).await.map(drop)
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, LedgerError> {
        Ok(self.ask(Method::GET, name, Vec::new()).await?.to_vec())
    }

    async fn delete(&self, name: &str) -> Result<(), LedgerError> {
        self.ask(Method::DELETE, name, Vec::new()).await.map(drop)
    }
}
