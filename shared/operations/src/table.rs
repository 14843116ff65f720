//! The one table of operations. Everything that has a line per operation is derived from it: routes,
//! tools, verbs, functions, metric labels, documentation rows.

use crate::Declaration;
use crate::git;

/// Every operation, in the order in which they are shown.
pub const OPERATIONS: &[Declaration] = &[Declaration::of::<git::status::Status>()];

/// The operation of this name.
pub fn find(name: &str) -> Option<&'static Declaration> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}
