//! The operations, one file each; the one table of them; and what several of them share.
//!
//! A new operation is a file of its own, its two lines here (the module and the row), and a scenario in
//! `tests/scenarios`. Routes, tools, verbs, functions, metric labels and documentation follow from the row.

mod changes;
mod conflict;
mod history;
mod integrate;
#[cfg(test)]
mod noise;
mod revision;
mod room;
pub(crate) mod script;
mod staging;
pub(crate) mod workspace;

pub mod add;
pub mod blame;
pub mod branch_create;
pub mod branch_list;
pub mod clone;
pub mod commit;
pub mod compare;
pub mod diff;
pub mod doctor;
pub mod fetch;
pub mod file_read;
pub mod file_write;
pub mod grep;
pub mod log;
pub mod operation_undo;
pub mod pull;
pub mod push;
pub mod ref_resolve;
pub mod reflog;
pub mod remote_list;
pub mod show;
pub mod stash_list;
pub mod status;
pub mod switch;
pub mod tag_list;
pub mod tree_list;

pub use conflict::Conflict;

use crate::{Declaration, record};

/// Every operation, in the order in which they are shown: what begins, what looks, what changes the
/// workspace, what talks to a remote.
pub const OPERATIONS: &[Declaration] = &[
    Declaration::of::<clone::Clone>(),
    Declaration::of::<status::Status>(),
    Declaration::of::<diff::Diff>(),
    Declaration::of::<log::Log>(),
    Declaration::of::<show::Show>(),
    Declaration::of::<compare::Compare>(),
    Declaration::of::<blame::Blame>(),
    Declaration::of::<file_read::FileRead>(),
    Declaration::of::<tree_list::TreeList>(),
    Declaration::of::<grep::Grep>(),
    Declaration::of::<tag_list::TagList>(),
    Declaration::of::<ref_resolve::RefResolve>(),
    Declaration::of::<stash_list::StashList>(),
    Declaration::of::<reflog::Reflog>(),
    Declaration::of::<remote_list::RemoteList>(),
    Declaration::of::<file_write::FileWrite>(),
    Declaration::of::<add::Add>(),
    Declaration::of::<commit::Commit>(),
    Declaration::of::<fetch::Fetch>(),
    Declaration::of::<pull::Pull>(),
    Declaration::of::<push::Push>(),
    Declaration::of::<switch::Switch>(),
    Declaration::of::<branch_create::BranchCreate>(),
    Declaration::of::<branch_list::BranchList>(),
    Declaration::of::<record::operation_get::OperationGet>(),
    Declaration::of::<record::operation_list::OperationList>(),
    Declaration::of::<record::operation_cancel::OperationCancel>(),
    Declaration::of::<operation_undo::OperationUndo>(),
    Declaration::of::<doctor::Doctor>(),
];
