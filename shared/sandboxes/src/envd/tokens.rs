//! What is needed to reach a sandbox's envd, kept in memory only.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Secret;

/// More sandboxes than any process here talks to; reached, everything is asked for anew.
const KEPT_MAX: usize = 10_000;

/// The token and domain of one sandbox.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) token: Option<Secret>,
    pub(super) domain: Option<String>,
}

/// By sandbox id. E2B derives a token from the id, so a token stays right through pause and resume.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Access>>);

impl Tokens {
    pub(super) fn get(&self, sandbox_id: &str) -> Option<Access> {
        self.lock().get(sandbox_id).cloned()
    }

    pub(super) fn put(&self, sandbox_id: &str, token: Option<Secret>, domain: Option<String>) {
        let mut all = self.lock();
        if all.len() >= KEPT_MAX {
            all.clear();
        }
        all.insert(sandbox_id.to_owned(), Access { token, domain });
    }

    pub(super) fn remove(&self, sandbox_id: &str) {
        self.lock().remove(sandbox_id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Access>> {
        // A panic elsewhere leaves a map that is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
