//! What happened: the envelope and the event types of gitledger, and nothing else.
//!
//! Events are facts in the past tense, and a storage format: a released shape never changes. A new
//! shape is a new `schema_version`, an upcast in [`codec`], and a new record in `golden/`.
//!
//! Deliberately absent: prices, opinions, secrets, diffs and file contents.

pub mod actor;
pub mod cloud_event;
pub mod codec;
pub mod decode_error;
pub mod elapsed;
pub mod envelope;
pub mod fact;
pub mod operation;
mod outcome;
pub mod repo;
pub mod sandbox;
pub mod schema;
pub mod stream;

pub use actor::Actor;
pub use decode_error::DecodeError;
pub use elapsed::Elapsed;
pub use envelope::{Event, NewEvent, Record};
pub use fact::Fact;
pub use repo::Repo;
pub use stream::Stream;
