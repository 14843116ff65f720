//! The one table of operations. Everything that has a line per operation is derived from it: routes,
//! tools, verbs, functions, metric labels, documentation rows.

use crate::Declaration;
use crate::git;

/// Every operation, in the order in which they are shown.
pub const OPERATIONS: &[Declaration] = &[
    Declaration::of::<git::clone::Clone>(),
    Declaration::of::<git::status::Status>(),
    Declaration::of::<git::diff::Diff>(),
    Declaration::of::<git::log::Log>(),
    Declaration::of::<git::file_write::FileWrite>(),
    Declaration::of::<git::add::Add>(),
    Declaration::of::<git::commit::Commit>(),
    Declaration::of::<git::fetch::Fetch>(),
    Declaration::of::<git::pull::Pull>(),
    Declaration::of::<git::push::Push>(),
    Declaration::of::<git::switch::Switch>(),
    Declaration::of::<git::branch_create::BranchCreate>(),
    Declaration::of::<git::branch_list::BranchList>(),
];

/// The operation of this name.
pub fn find(name: &str) -> Option<&'static Declaration> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}
