//! The push policy: what may be done to a remote's references, decided outside the sandbox.
//!
//! Pure: [`PushPolicy::judge`] is asked with the names that the ledger knows, never with what a sandbox
//! says of itself. Deliberately absent: a way to allow force without the object id that is expected to be
//! overwritten.

mod pattern;
mod push;
mod verdict;

pub use pattern::{RefPattern, RepoPattern};
pub use push::{PushPolicy, PushRule};
pub use verdict::{Denied, PushKind};
