//! Files of a sandbox: put one in, take one out, remove a tree.

use reqwest::RequestBuilder;
use serde_json::json;
use url::form_urlencoded;

use super::call::UNARY;
use super::{Envd, EnvdError};
use crate::{SandboxError, http};

impl Envd {
    /// Writes a file, and its folders where they are missing. `path` is absolute or relative to the
    /// user's home.
    pub async fn upload(&self, sandbox_id: &str, path: &str, bytes: Vec<u8>) -> Result<(), SandboxError> {
        let bytes = bytes::Bytes::from(bytes);
        let build = |request: RequestBuilder| {
            request.timeout(UNARY).header("Content-Type", "application/octet-stream").body(bytes.clone())
        };
        let response = self.send(sandbox_id, &files(path), build).await?;
        http::read(response).await.map_err(SandboxError::Unavailable)?;
        Ok(())
    }

    /// Removes a file, or a directory with all that is in it. No error when it is not there.
    pub async fn remove(&self, sandbox_id: &str, path: &str) -> Result<(), SandboxError> {
        match self.unary(sandbox_id, "filesystem.Filesystem/Remove", &json!({ "path": path })).await {
            Ok(_) => Ok(()),
            Err(EnvdError::Refused { code, .. }) if code == "not_found" => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn files(path: &str) -> String {
    let quoted: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
    format!("/files?path={quoted}")
}
