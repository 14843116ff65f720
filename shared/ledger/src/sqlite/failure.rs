//! What an engine's error means to a caller.

use rusqlite::{Error, ErrorCode, ffi};

use crate::{AppendError, LedgerError};

impl From<Error> for LedgerError {
    fn from(error: Error) -> Self {
        let full = match &error {
            // The second is how a full disk shows while the index of the WAL grows.
            Error::SqliteFailure(ffi::Error { code, extended_code }, _) => {
                *code == ErrorCode::DiskFull || *extended_code == ffi::SQLITE_IOERR_SHMSIZE
            }
            _ => false,
        };
        if full { Self::Full(error.to_string()) } else { Self::Engine(error.to_string()) }
    }
}

impl From<Error> for AppendError {
    fn from(error: Error) -> Self {
        Self::Ledger(error.into())
    }
}
