//! From a stored record to a fact: old shapes are brought up to date here, and only here.

use crate::fact::{Fact, TYPES};

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

impl Fact {
    /// Reads the data of a record of this type and version; `upcast` steps one version at a time.
    pub fn decode(name: &str, schema_version: u16, data: &str) -> Result<Self, DecodeError> {
        let known = TYPES.iter().find(|(known, _)| *known == name).map(|(_, version)| *version);
        match known {
            None => Err(DecodeError::UnknownType(name.to_owned())),
            Some(known) if schema_version > known => {
                Err(DecodeError::NewerVersion { name: name.to_owned(), found: schema_version, known })
            }
            // The one second version (`PushPrepared`) only added to the first: nothing to upcast.
            Some(_) => Self::from_current(name, data),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DecodeError;
    use crate::Fact;

    #[test]
    fn a_newer_version_is_named_and_not_guessed() {
        let error = Fact::decode("SandboxPaused", 2, "{}").unwrap_err();
        assert!(matches!(error, DecodeError::NewerVersion { found: 2, known: 1, .. }));
    }

    #[test]
    fn an_unknown_type_and_a_wrong_shape_are_told_apart() {
        assert!(matches!(Fact::decode("Nope", 1, "{}"), Err(DecodeError::UnknownType(_))));
        assert!(matches!(Fact::decode("SandboxLost", 1, "{}"), Err(DecodeError::Data { .. })));
    }
}
