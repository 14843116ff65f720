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

/// The keys, and where they are from.
pub(super) struct Keys {
    settings: Settings,
    read: Mutex<Option<(Instant, Arc<[KeyRecord]>)>>,
}

impl Keys {
    pub fn new(settings: Settings) -> Self {
        Self { settings, read: Mutex::default() }
    }

    async fn records(&self) -> Result<Arc<[KeyRecord]>, Error> {
        let known = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, records)) = known.filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(records);
        }
        let records: Arc<[KeyRecord]> = match &self.settings.secrets.api_keys {
            Some(arn) => keys_in(secrets::read(&self.settings.aws, arn).await?.as_bytes())?.into(),
            None => KeyFile::new(self.settings.keys_file()).read()?.into(),
        };
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), records.clone()));
        Ok(records)
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
