//! Signed file URLs: a read or write of one path without the access token in a header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The query of `/files`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct FilesQuery {
    /// The file; an upload may name it in its parts instead.
    pub(crate) path: Option<String>,
    /// Whose home relative paths start from.
    pub(crate) username: Option<String>,
    /// `v1_` and a digest.
    pub(crate) signature: Option<String>,
    /// Unix seconds.
    pub(crate) signature_expiration: Option<i64>,
}

/// Why a signed URL does not open the file: 401 and these words, which SDKs show as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str);

/// Checks the signature in `query` for `operation` (`read` or `write`).
pub(crate) fn verify(query: &FilesQuery, operation: &str, token: &str, now_s: i64) -> Result<(), Refused> {
    let given = query.signature.as_deref().ok_or(Refused("missing signature query parameter"))?;
    let path = query.path.as_deref().unwrap_or_default();
    let user = query.username.as_deref().unwrap_or_default();
    let expected = sign(path, operation, user, token, query.signature_expiration);
    if !same(given.as_bytes(), expected.as_bytes()) {
        return Err(Refused("invalid signature"));
    }
    match query.signature_expiration {
        Some(end_s) if end_s < now_s => Err(Refused("signature is already expired")),
        _ => Ok(()),
    }
}

fn sign(path: &str, operation: &str, user: &str, token: &str, expiration: Option<i64>) -> String {
    let mut text = format!("{path}:{operation}:{user}:{token}");
    if let Some(end_s) = expiration {
        text.push(':');
        text.push_str(&end_s.to_string());
    }
    format!("v1_{}", STANDARD_NO_PAD.encode(Sha256::digest(text)))
}

/// Compares in a time that depends on the lengths only.
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(signature: &str, end_s: Option<i64>) -> FilesQuery {
        FilesQuery {
            path: Some("/home/user/a".into()),
            username: None,
            signature: Some(signature.into()),
            signature_expiration: end_s,
        }
    }

    #[test]
    fn a_signature_opens_its_own_path_and_operation_until_its_end() {
        let signed = sign("/home/user/a", "read", "", "secret", Some(100));
        assert_eq!(verify(&query(&signed, Some(100)), "read", "secret", 100), Ok(()));
        assert_eq!(
            verify(&query(&signed, Some(100)), "read", "secret", 101),
            Err(Refused("signature is already expired"))
        );
        for (operation, token, end_s) in
            [("write", "secret", Some(100)), ("read", "other", Some(100)), ("read", "secret", None)]
        {
            assert_eq!(
                verify(&query(&signed, end_s), operation, token, 0),
                Err(Refused("invalid signature"))
            );
        }
    }

    #[test]
    fn comparison_tells_equal_from_unequal() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"ab"));
    }
}
