//! The queue of writing processes: one lock file beside the ledger.
//!
//! The kernel wakes the next one and forgets a dead one; the engine's own lock has no queue, and whoever
//! loses there can lose for seconds.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::place;
use crate::LedgerError;

/// The lock of one ledger.
#[derive(Debug)]
pub struct ProcessLock(File);

/// The right to write, until dropped.
#[derive(Debug)]
pub struct Turn<'a>(&'a File);

impl ProcessLock {
    /// Opens `<ledger>.lock`, which is empty and stays.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let file = place::beside(path, ".lock");
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file);
        opened.map(Self).map_err(|error| LedgerError::at("cannot open the lock file", error))
    }

    /// Waits for its turn, without a limit: a caller's own time limit is the one that counts.
    pub fn wait(&self) -> Result<Turn<'_>, LedgerError> {
        self.0.lock().map_err(|error| LedgerError::at("cannot lock", error))?;
        Ok(Turn(&self.0))
    }

    /// Its turn if nobody else writes.
    pub fn try_now(&self) -> Result<Option<Turn<'_>>, LedgerError> {
        match self.0.try_lock() {
            Ok(()) => Ok(Some(Turn(&self.0))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(LedgerError::at("cannot lock", error)),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Cannot fail for a lock that is held; closing the file would release it too.
        let _ = self.0.unlock();
    }
}
