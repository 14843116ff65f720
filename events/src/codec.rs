//! From a stored record to a fact: old shapes are brought up to date here, and only here.

use crate::decode_error::DecodeError;
use crate::fact::{Fact, TYPES};

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
