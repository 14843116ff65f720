//! From a header to a key's record. Pure.

use jiff::Timestamp;

use super::{ApiKey, Digest, KeyRecord};
use crate::Refusal;

/// The record of the key in an `Authorization` header (`Bearer glk_...`). An unknown id and a wrong secret are
/// told alike and take as long; that a key has expired or was revoked is told to its holder only.
pub fn verify<'r>(
    records: &'r [KeyRecord],
    authorization: &str,
    now: Timestamp,
) -> Result<&'r KeyRecord, Refusal> {
    let refused = |rule: &str| Refusal::Unauthenticated { rule: rule.to_owned() };
    let key = authorization
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .and_then(|(_, key)| ApiKey::parse(key.trim_matches(' ')))
        .ok_or_else(|| refused("must be 'Bearer' and an API key, glk_<id>_<secret>"))?;
    // The id is public: finding it by comparison tells nothing about the secret.
    let found = records.iter().find(|record| record.grant.key_id == key.id());
    let nothing = Digest::of_nothing();
    let is_of = found.map_or(&nothing, |record| &record.secret_sha256).is_of(&key);
    let record = found.filter(|_| is_of).ok_or_else(|| refused("is not a key of this system"))?;
    match record.void(now) {
        Some(why) => Err(refused(&format!("is a key that is {why}"))),
        None => Ok(record),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::SignedDuration;

    use super::*;
    use crate::access::Grant;

    fn record(key: &ApiKey) -> KeyRecord {
        let grant = Grant { key_id: key.id().to_owned(), admin: false, read_only: false, repos: Vec::new() };
        KeyRecord {
            name: "ci".to_owned(),
            secret_sha256: key.digest(),
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: None,
            revoked_at: None,
            grant: Arc::new(grant),
        }
    }

    fn rule(result: Result<&KeyRecord, Refusal>) -> String {
        match result {
            Err(Refusal::Unauthenticated { rule }) => rule,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_right_key_is_known_and_no_other_is() {
        let (key, other) = (ApiKey::random().unwrap(), ApiKey::random().unwrap());
        let records = [record(&other), record(&key)];
        let ask = |header: &str| verify(&records, header, Timestamp::UNIX_EPOCH);
        let text = key.expose();
        for good in [format!("Bearer {text}"), format!("bearer {text}"), format!("BEARER  {text} ")] {
            assert_eq!(ask(&good).unwrap().grant.key_id, key.id(), "{good}");
        }
        let crossed = format!("glk_{}_{}", key.id(), other.expose().rsplit_once('_').unwrap().1);
        let unknown = ApiKey::random().unwrap().expose();
        for bad in [format!("Bearer {crossed}"), format!("Bearer {unknown}")] {
            assert_eq!(rule(ask(&bad)), "is not a key of this system");
        }
        let malformed = ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer glk_a_b", "Bearer\tx", &text];
        let twice = format!("Bearer {text}, Bearer {text}");
        for bad in malformed.into_iter().chain([twice.as_str()]) {
            assert!(rule(ask(bad)).starts_with("must be 'Bearer'"), "{bad}");
        }
        assert!(verify(&[], &format!("Bearer {text}"), Timestamp::UNIX_EPOCH).is_err());
    }

    #[test]
    fn an_expired_or_revoked_key_is_void_from_its_moment_on_and_only_its_holder_is_told() {
        let key = ApiKey::random().unwrap();
        let end = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(10);
        let before = end - SignedDuration::from_secs(1);
        let header = format!("Bearer {}", key.expose());
        let expiring = [KeyRecord { expires_at: Some(end), ..record(&key) }];
        assert!(verify(&expiring, &header, before).is_ok());
        assert_eq!(rule(verify(&expiring, &header, end)), "is a key that is expired");
        let revoked = [KeyRecord { revoked_at: Some(end), ..record(&key) }];
        assert_eq!(rule(verify(&revoked, &header, before)), "is a key that is revoked");
        let guessed = format!("Bearer glk_{}_{}", key.id(), "0".repeat(64));
        assert_eq!(rule(verify(&revoked, &guessed, before)), "is not a key of this system");
    }
}
