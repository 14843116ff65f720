//! An API key, `glk_<id>_<secret>`, and what is kept of it.

use std::fmt;

use gitledger_sandboxes::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// How every key begins, so that scanners for leaked secrets can find one.
const PREFIX: &str = "glk_";
/// Digits of an id: 48 bits.
const ID_DIGITS: usize = 12;
/// Digits of a secret: 256 bits.
const SECRET_DIGITS: usize = 64;

/// A key as its holder has it. The id is public and finds the record; the secret is compared.
#[derive(Clone)]
pub struct ApiKey {
    id: String,
    secret: Secret,
}

/// SHA-256 of a secret, in hexadecimal digits.
///
/// A slow hash (Argon2, bcrypt) is deliberately absent: it makes guessing passwords dear, and 256 bits from
/// the system's random numbers cannot be guessed at any speed. It would only make every request slower, and
/// unauthenticated ones a burden.
///
/// Deliberately absent: `PartialEq`. Digests are compared by [`Digest::is_of`], whose time does not tell how
/// far they agree:
///
/// ```compile_fail
/// use gitledger_functions::access::Digest;
/// fn equal(one: &Digest, other: &Digest) -> bool { one == other }
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Digest(String);

impl ApiKey {
    /// A new key from the system's random numbers; `None` when it has none to give.
    pub fn random() -> Option<Self> {
        let mut id = Secret::random()?.expose().to_owned();
        id.truncate(ID_DIGITS);
        Some(Self { id, secret: Secret::random()? })
    }

    /// Reads a key; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let fits = id.len() == ID_DIGITS && is_hex(id) && secret.len() == SECRET_DIGITS && is_hex(secret);
        fits.then(|| Self { id: id.to_owned(), secret: Secret::new(secret) })
    }

    /// The public part.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole key. To be shown to its maker once, and to be sent to a gateway; never to be kept.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.secret.expose())
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        let hash = Sha256::digest(self.secret.expose().as_bytes());
        Digest(hash.iter().fold(String::with_capacity(64), |mut text, byte| {
            use fmt::Write;
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }
}

impl Digest {
    /// Whether it is this key's, in a time that tells nothing about either.
    pub fn is_of(&self, key: &ApiKey) -> bool {
        self.0.as_bytes().ct_eq(key.digest().0.as_bytes()).into()
    }

    /// One that is no key's: compared with where there is no record, so that an unknown id takes as long as a
    /// wrong secret.
    pub(super) fn of_nothing() -> Self {
        Self("0".repeat(SECRET_DIGITS))
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() == 64 && is_hex(&text) {
            Ok(Self(text))
        } else {
            Err("a digest is 64 hexadecimal digits")
        }
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, hidden)", self.id)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_shown_and_prints_nothing_of_its_secret() {
        let key = ApiKey::random().unwrap();
        let text = key.expose();
        let again = ApiKey::parse(&text).unwrap();
        assert_eq!((again.id(), again.expose()), (key.id(), text.clone()));
        assert!(key.digest().is_of(&again));
        let secret = text.rsplit_once('_').unwrap().1;
        assert!(!format!("{key:?} {:?}", key.digest()).contains(secret));
        assert!(!serde_json::to_string(&key.digest()).unwrap().contains(secret));
        assert_ne!(ApiKey::random().unwrap().expose(), text);
    }

    #[test]
    fn a_digest_is_of_one_secret_whichever_digit_of_another_differs() {
        let key = ApiKey::random().unwrap();
        let text = key.expose();
        for at in text.len() - SECRET_DIGITS..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            let other = ApiKey::parse(std::str::from_utf8(&other).unwrap()).unwrap();
            assert!(!key.digest().is_of(&other), "digit {at}");
        }
        assert!(!Digest::of_nothing().is_of(&key));
    }

    #[test]
    fn what_only_looks_like_a_key_is_none() {
        let good = format!("glk_{}_{}", "a".repeat(12), "b".repeat(64));
        assert!(ApiKey::parse(&good).is_some());
        let bad = [
            String::new(),
            "glk_".to_owned(),
            good.to_uppercase(),
            good.replace("glk", "ghp"),
            good.replacen('_', "-", 2),
            format!("{good}b"),
            format!(" {good}"),
            format!("{good}\n"),
            good[..good.len() - 1].to_owned(),
            good.replace('b', "g"),
            good.replace('b', "\u{e9}"),
        ];
        for text in bad {
            assert!(ApiKey::parse(&text).is_none(), "{text:?}");
        }
    }
}
