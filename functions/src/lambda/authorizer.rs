//! The authoriser: lets a request in by its API key before any other function is invoked, so that only this one
//! reads the hashes of keys. What the key may is passed on; each function looks at it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lambda_runtime::Error;
use serde_json::{Value, json};

use super::journal::Note;
use super::serve::Told;
use crate::access::{KeyFile, KeyRecord, keys_in, verify};
use crate::settings::Settings;
use crate::{Refusal, lambda::secrets};

/// How long keys are known before they are read again. API Gateway knows an answer for as long (`ReauthorizeEvery`), so
/// that a revoked key is good for twice this at most.
const FRESH: Duration = Duration::from_mins(1);
/// How long they are good for while they cannot be read: so long is one that was revoked meanwhile.
const GOOD: Duration = Duration::from_mins(15);
/// Time for one reading; two must fit into the function's time.
const READING: Duration = Duration::from_secs(3);

/// The keys, and where they are from.
pub(super) struct Keys {
    settings: Settings,
    known: Mutex<Option<Known>>,
}

/// The keys as they were once.
#[derive(Clone)]
struct Known {
    records: Arc<[KeyRecord]>,
    /// When they were read.
    read: Instant,
    /// When they were read or could not be.
    tried: Instant,
}

impl Keys {
    pub fn new(settings: Settings) -> Self {
        Self { settings, known: Mutex::default() }
    }

    async fn records(&self) -> Result<Arc<[KeyRecord]>, Error> {
        let known = self.known().clone();
        if let Some(fresh) = known.as_ref().filter(|known| known.tried.elapsed() < FRESH) {
            return Ok(fresh.records.clone());
        }
        // A connection that was kept while the function stood still may be dead: the second try has a new one.
        let found = match self.read().await {
            Err(_) => self.read().await,
            found => found,
        };
        let now = Instant::now();
        let known = match (found, known) {
            (Ok(records), _) => Known { records, read: now, tried: now },
            (Err(error), Some(old)) if old.read.elapsed() < GOOD => {
                tracing::warn!(%error, "API keys cannot be read; those of before hold a little longer");
                Known { tried: now, ..old }
            }
            (Err(error), _) => return Err(error),
        };
        let records = known.records.clone();
        *self.known() = Some(known);
        Ok(records)
    }

    async fn read(&self) -> Result<Arc<[KeyRecord]>, Error> {
        let Some(arn) = &self.settings.secrets.api_keys else {
            return Ok(KeyFile::new(self.settings.keys_file()).read()?.into());
        };
        let text = tokio::time::timeout(READING, secrets::read(&self.settings.aws, arn)).await;
        Ok(keys_in(text.map_err(|_| "Secrets Manager does not answer")??.as_bytes())?.into())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request for API Gateway (payload 2.0, simple answers). Nothing of the key is logged.
pub(super) async fn handle(keys: &Keys, event: &Value) -> Result<Told, Error> {
    let records = keys.records().await?;
    let (answer, outcome) = judged(&records, event, jiff::Timestamp::now())?;
    Ok((answer, Note { outcome, ..Note::default() }))
}

fn judged(
    records: &[KeyRecord],
    event: &Value,
    now: jiff::Timestamp,
) -> Result<(Value, &'static str), Error> {
    let source = event.get("identitySource").and_then(|source| match source {
        Value::Array(all) if all.len() == 1 => all[0].as_str(),
        Value::String(one) => Some(one.as_str()),
        _ => None,
    });
    let denied = (json!({"isAuthorized": false}), "rejected");
    let Some(authorization) = source else { return Ok(denied) };
    match verify(records, authorization, now) {
        Ok(record) => {
            let grant = serde_json::to_string(record.grant.as_ref())?;
            Ok((json!({"isAuthorized": true, "context": {"grant": grant}}), "succeeded"))
        }
        Err(Refusal::Fault(reason)) => Err(reason.into()),
        Err(_) => Ok(denied),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{ApiKey, NewKey};

    /// A key that may only read, and the file's records.
    fn key(now: jiff::Timestamp) -> (ApiKey, Vec<KeyRecord>) {
        let dir = tempfile::tempdir().unwrap();
        let file = KeyFile::new(dir.path().join("keys.json"));
        let new = NewKey {
            name: "ci".to_owned(),
            admin: false,
            read_only: true,
            repos: Vec::new(),
            expires_at: None,
        };
        let key = file.create(new, now).unwrap();
        let text = std::fs::read(dir.path().join("keys.json")).unwrap();
        (key, keys_in(&text).unwrap())
    }

    #[test]
    fn a_good_key_is_let_in_with_what_it_may_and_any_other_is_not() {
        let now = jiff::Timestamp::now();
        let (key, records) = key(now);
        let ask = |source: Value| judged(&records, &json!({"identitySource": source}), now).unwrap().0;
        let good = format!("Bearer {}", key.expose());
        let answer = ask(json!([good]));
        assert_eq!(answer["isAuthorized"], true);
        let grant: Value = serde_json::from_str(answer["context"]["grant"].as_str().unwrap()).unwrap();
        assert_eq!((grant["key_id"].as_str(), grant["read_only"].as_bool()), (Some(key.id()), Some(true)));
        for source in
            [json!([format!("{good}0")]), json!([]), json!([good, good]), json!(["Basic eDp5"]), Value::Null]
        {
            assert_eq!(ask(source.clone()), json!({"isAuthorized": false}), "{source}");
        }
    }

    /// Moves what is known into the past.
    fn age(keys: &Keys, by: Duration) {
        let mut known = keys.known();
        let known = known.as_mut().unwrap();
        known.read = known.read.checked_sub(by).unwrap();
        known.tried = known.tried.checked_sub(by).unwrap();
    }

    #[tokio::test]
    async fn keys_that_cannot_be_read_again_hold_a_little_longer_and_not_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().to_str().unwrap().to_owned();
        let settings = Settings::read(&|name| (name == "GITLEDGER_DATA").then(|| data.clone())).unwrap();
        let (_, records) = key(jiff::Timestamp::now());
        let write = |text: String| std::fs::write(dir.path().join("keys.json"), text).unwrap();
        write(json!({"keys": records}).to_string());
        let keys = Keys::new(settings);
        assert_eq!(keys.records().await.unwrap().len(), 1);
        write("{".to_owned());
        age(&keys, FRESH);
        assert_eq!(keys.records().await.unwrap().len(), 1);
        // Nor are they tried again at every request.
        write(json!({"keys": []}).to_string());
        assert_eq!(keys.records().await.unwrap().len(), 1);
        age(&keys, FRESH);
        assert!(keys.records().await.unwrap().is_empty());
        write("{".to_owned());
        age(&keys, GOOD);
        keys.records().await.unwrap_err();
    }

    #[test]
    fn a_request_of_api_gateway_is_judged_by_the_key_in_it() {
        let file =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/triggers/authorizer.json");
        let mut event: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let now = jiff::Timestamp::now();
        let (key, records) = key(now);
        assert_eq!(judged(&records, &event, now).unwrap().0, json!({"isAuthorized": false}));
        let source = event.pointer_mut("/identitySource/0").unwrap();
        assert!(source.as_str().unwrap().starts_with("Bearer glk_"));
        *source = json!(format!("Bearer {}", key.expose()));
        assert_eq!(judged(&records, &event, now).unwrap().0["isAuthorized"], true);
    }
}
