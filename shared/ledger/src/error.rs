//! How an append or a read can fail. Messages are for the log; callers act on the kind.

/// The ledger could not do its work. Nothing was acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerError {
    /// The engine said no.
    #[error("ledger engine: {0}")]
    Engine(String),
    /// There is no room left; reads still work.
    #[error("ledger is full: {0}")]
    Full(String),
    /// What is stored cannot be read as an envelope.
    #[error("record at {position} is unreadable: {reason}")]
    Unreadable {
        /// Where.
        position: u64,
        /// Why.
        reason: String,
    },
}

/// Why an append did not happen.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// The stream is not what was expected.
    #[error("stream is at version {actual}")]
    Conflict {
        /// The stream's version now.
        actual: u64,
    },
    /// An event or the commit is over the limit. Nothing was written.
    #[error("{what} is {bytes} bytes; at most {max} are allowed")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
    /// A commit without events, or with too many.
    #[error("a commit holds 1 to {max} events, not {count}")]
    Count {
        /// How many it holds.
        count: usize,
        /// How many it may hold.
        max: usize,
    },
    /// The ledger itself failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl LedgerError {
    /// An engine failure with words that say at what.
    pub(crate) fn at(what: &str, error: impl std::fmt::Display) -> Self {
        Self::Engine(format!("{what}: {error}"))
    }
}
