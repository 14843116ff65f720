//! The one table of operations. Everything that has a line per operation is derived from it: routes,
//! tools, verbs, functions, metric labels, documentation rows.

pub use crate::git::OPERATIONS;

use crate::Declaration;

/// The operation of this name.
pub fn find(name: &str) -> Option<&'static Declaration> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}
