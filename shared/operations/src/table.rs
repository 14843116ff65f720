//! The one table of operations, in two parts: on a workspace, and on the sandboxes. Everything that has a line per operation is derived from it: routes,
//! tools, verbs, functions, metric labels, documentation rows.

pub use crate::git::OPERATIONS;
pub use crate::lifecycle::OPERATIONS as SANDBOX_OPERATIONS;

use crate::Declaration;

/// Every operation: those of git, then those on the sandboxes themselves.
pub fn all() -> impl Iterator<Item = &'static Declaration> {
    OPERATIONS.iter().chain(SANDBOX_OPERATIONS)
}

/// The operation of this name.
pub fn find(name: &str) -> Option<&'static Declaration> {
    all().find(|operation| operation.name == name)
}
