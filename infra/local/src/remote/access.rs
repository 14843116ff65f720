//! Who may read and who may push: a token as the password of HTTP Basic, whatever the user name.

use std::fmt;
use std::hint::black_box;

use axum::http::HeaderValue;

/// Longer headers are not looked at.
const AUTHORIZATION_BYTES_MAX: usize = 4096;

/// The secret that opens the remote. It has no way out: no getter, and `Debug` prints no part of it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Wraps a secret. An empty one opens nothing.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// Compares in a time that depends on the given length only, not on where the first difference is.
    fn fits(&self, given: &[u8]) -> bool {
        let expected = self.0.as_bytes();
        if expected.is_empty() {
            return false;
        }
        let mut differs = u8::from(expected.len() != given.len());
        for (byte, expected) in given.iter().zip(expected.iter().cycle()) {
            differs = black_box(differs | (byte ^ expected));
        }
        differs == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

/// Who may read a repository. Pushing always takes the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readers {
    /// No credential is asked for.
    #[default]
    Anyone,
    /// The token is asked for.
    TokenHolders,
}

/// What a repository lets through. The default is a public repository that the token holder may push to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Who may clone and fetch.
    pub readers: Readers,
    /// A push is answered 403 even with the right token, as with an archived repository.
    pub read_only: bool,
}

impl Access {
    /// Anyone reads, the token holder pushes.
    pub const PUBLIC: Self = Self { readers: Readers::Anyone, read_only: false };
    /// The token holder reads and pushes.
    pub const PRIVATE: Self = Self { readers: Readers::TokenHolders, read_only: false };
}

/// What is decided about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Go on; `known` says that the token was given.
    Admitted { known: bool },
    /// 401: no credential where one is needed, or a wrong one anywhere.
    Unauthorized,
    /// 403: the right credential does not help.
    Forbidden,
}

/// Decides. A wrong credential is refused even where none is needed, as GitHub does.
pub(super) fn judge(
    access: Access,
    token: Option<&Token>,
    given: Option<&HeaderValue>,
    writes: bool,
) -> Verdict {
    let known = match given {
        None => false,
        Some(header) => match password(header) {
            Some(password) if token.is_some_and(|token| token.fits(&password)) => true,
            _ => return Verdict::Unauthorized,
        },
    };
    if !known && (writes || access.readers == Readers::TokenHolders) {
        return Verdict::Unauthorized;
    }
    if writes && access.read_only { Verdict::Forbidden } else { Verdict::Admitted { known } }
}

/// The password of an `Authorization: Basic` header.
fn password(header: &HeaderValue) -> Option<Vec<u8>> {
    let text = header.to_str().ok().filter(|text| text.len() <= AUTHORIZATION_BYTES_MAX)?;
    let (scheme, encoded) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = decode_base64(encoded.trim())?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    Some(decoded.get(colon + 1..)?.to_vec())
}

/// Base64 (RFC 4648, padding optional): the one place of this crate that needs it.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(six)) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            decoded.push(u8::try_from(bits >> held & 0xFF).ok()?);
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &'static str) -> HeaderValue {
        HeaderValue::from_static(text)
    }

    #[test]
    fn the_test_vectors_of_the_rfc_decode() {
        for (encoded, plain) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decode_base64(encoded).as_deref(), Some(plain.as_bytes()), "{encoded}");
        }
        assert_eq!(decode_base64("Zm 9v"), None);
    }

    #[test]
    fn only_the_whole_token_fits_and_an_empty_one_never() {
        let token = Token::new("s3cret");
        assert!(token.fits(b"s3cret"));
        for wrong in ["", "s3cre", "s3cretx", "s3crets3cret", "S3cret"] {
            assert!(!token.fits(wrong.as_bytes()), "{wrong}");
        }
        assert!(!Token::new("").fits(b""));
        assert!(!format!("{token:?}").contains("s3cret"));
    }

    #[test]
    fn a_request_is_admitted_refused_or_asked_for_its_token() {
        let token = Token::new("s3cret");
        let right = header("Basic YW55OnMzY3JldA=="); // any:s3cret
        let wrong = header("Basic YW55Ondyb25n"); // any:wrong
        let judge = |access, given, writes| judge(access, Some(&token), given, writes);
        let locked = Access { readers: Readers::Anyone, read_only: true };
        assert_eq!(judge(Access::PUBLIC, None, false), Verdict::Admitted { known: false });
        assert_eq!(judge(Access::PUBLIC, Some(&wrong), false), Verdict::Unauthorized);
        assert_eq!(judge(Access::PUBLIC, None, true), Verdict::Unauthorized);
        assert_eq!(judge(Access::PUBLIC, Some(&right), true), Verdict::Admitted { known: true });
        assert_eq!(judge(Access::PRIVATE, None, false), Verdict::Unauthorized);
        assert_eq!(judge(Access::PRIVATE, Some(&right), false), Verdict::Admitted { known: true });
        assert_eq!(judge(locked, None, true), Verdict::Unauthorized);
        assert_eq!(judge(locked, Some(&right), true), Verdict::Forbidden);
        assert_eq!(judge(locked, None, false), Verdict::Admitted { known: false });
    }
}
