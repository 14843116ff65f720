//! Every event type, in one table: name, schema version, shape.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::decode_error::DecodeError;
#[allow(clippy::wildcard_imports)] // the table below is these modules' contents
use crate::{operation::*, sandbox::*};

/// Declares the enum, its names and its decoder from one list. The only macro of this project: three
/// places that must agree on twenty names would drift.
macro_rules! facts {
    ($($(#[$doc:meta])* $name:ident $version:literal,)*) => {
        /// What happened.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs)] // each is documented at its own type
        pub enum Fact { $($name($name),)* }

        /// Name and schema version of every event type.
        pub const TYPES: &[(&str, u16)] = &[$((stringify!($name), $version),)*];

        impl Fact {
            /// The type's name, for example `OperationRequested`.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            /// The version of the type's shape.
            pub fn schema_version(&self) -> u16 {
                match self { $(Self::$name(_) => $version,)* }
            }

            /// The shape as JSON.
            pub fn to_json(&self) -> Result<Box<RawValue>, serde_json::Error> {
                match self { $(Self::$name(data) => raw(data),)* }
            }

            pub(crate) fn from_current(name: &str, data: &str) -> Result<Self, DecodeError> {
                match name {
                    $(stringify!($name) => serde_json::from_str(data)
                        .map(Self::$name)
                        .map_err(|source| DecodeError::Data { name: name.to_owned(), source }),)*
                    _ => Err(DecodeError::UnknownType(name.to_owned())),
                }
            }

            pub(crate) fn schemas() -> Vec<(&'static str, u16, schemars::Schema)> {
                vec![$((stringify!($name), $version, schemars::schema_for!($name)),)*]
            }
        }

        $(impl From<$name> for Fact {
            fn from(data: $name) -> Self { Self::$name(data) }
        })*
    };
}

facts! {
    OperationRequested 1,
    SandboxRequested 1,
    PushPrepared 2,
    PushAttempted 1,
    ConflictDetected 1,
    OperationSucceeded 1,
    OperationFailed 1,
    OperationAbandoned 1,
    OperationDeferred 1,
    OperationResumed 1,
    SandboxCreated 1,
    SandboxLeased 1,
    SandboxReleased 1,
    WorkspaceOpened 1,
    SandboxExtended 1,
    SandboxKept 1,
    SandboxPaused 1,
    SandboxResumed 1,
    SandboxKilled 1,
    SandboxExpired 1,
    SandboxLost 1,
}

impl Fact {
    /// True for the one event that ends an operation.
    pub fn is_outcome(&self) -> bool {
        matches!(self, Self::OperationSucceeded(_) | Self::OperationFailed(_) | Self::OperationAbandoned(_))
    }
}

fn raw<T: Serialize>(data: &T) -> Result<Box<RawValue>, serde_json::Error> {
    serde_json::value::to_raw_value(data)
}
