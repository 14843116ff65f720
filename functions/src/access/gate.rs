//! The check of a request's key against the file, which is read again whenever it has changed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::file::Stamp;
use super::{KeyFile, KeyFileError, KeyRecord, Principal, verify};
use crate::Refusal;

/// What lets requests in.
#[derive(Debug)]
pub struct Access {
    file: KeyFile,
    required: bool,
    read: Mutex<Option<(Stamp, Arc<[KeyRecord]>)>>,
}

impl Access {
    /// With the keys of a file. `required`: whoever sends no key is refused; else they are the operator.
    pub fn new(file: PathBuf, required: bool) -> Self {
        Self { file: KeyFile::new(file), required, read: Mutex::default() }
    }

    /// Whether whoever sends no key is refused.
    pub fn required(&self) -> bool {
        self.required
    }

    /// Who sends this `Authorization` header, or none. A key that is sent must be good, also where none is
    /// required. When the file cannot be read nobody is let in by it.
    pub fn principal(&self, authorization: Option<&str>, now: Timestamp) -> Result<Principal, Refusal> {
        let Some(authorization) = authorization else {
            return if self.required {
                Err(Refusal::Unauthenticated { rule: "is missing; this route needs an API key".to_owned() })
            } else {
                Ok(Principal::Operator)
            };
        };
        let records = self.records().map_err(|error| Refusal::Fault(error.to_string()))?;
        let record = verify(&records, authorization, now)?;
        Ok(Principal::Key(record.grant.clone()))
    }

    /// Whether there is a key that is good at `now`.
    pub fn has_a_key(&self, now: Timestamp) -> Result<bool, KeyFileError> {
        Ok(self.records()?.iter().any(|record| record.void(now).is_none()))
    }

    fn records(&self) -> Result<Arc<[KeyRecord]>, KeyFileError> {
        // Looked at before it is read: what is written in between is seen at the next look.
        let stamp = self.file.stamp()?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, records)) = read.as_ref().filter(|(known, _)| *known == stamp) {
            return Ok(records.clone());
        }
        *read = None;
        let records: Arc<[KeyRecord]> = self.file.read()?.into();
        *read = Some((stamp, records.clone()));
        Ok(records)
    }
}
