//! Why a stored record is no event to this program.

/// A record that this program cannot read. The projector parks such a record; it is never fatal.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No such event type.
    #[error("unknown event type {0}")]
    UnknownType(String),
    /// A newer program wrote it.
    #[error("event type {name} has schema version {found}; this program knows up to {known}")]
    NewerVersion {
        /// The type.
        name: String,
        /// The record's version.
        found: u16,
        /// The newest version known here.
        known: u16,
    },
    /// The data does not have the type's shape.
    #[error("event type {name} has data of another shape: {source}")]
    Data {
        /// The type.
        name: String,
        /// What serde says.
        source: serde_json::Error,
    },
}
