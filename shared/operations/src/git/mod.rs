//! The operations, one file each; the one table of them; and what several of them share.
//!
//! A new operation is a file of its own, its two lines here (the module and the row), and a scenario in
//! `tests/scenarios`. Routes, tools, verbs, functions, metric labels and documentation follow from the row.

mod conflict;
mod integrate;
#[cfg(test)]
mod noise;
mod remote_config;
mod room;
pub(crate) mod script;
mod staging;
mod workspace;

pub mod add;
pub mod branch_create;
pub mod branch_list;
pub mod clone;
pub mod commit;
pub mod diff;
pub mod fetch;
pub mod file_write;
pub mod log;
pub mod ls_remote;
pub mod pull;
pub mod push;
pub mod push_delete;
pub mod remote_add;
pub mod remote_remove;
pub mod status;
pub mod submodule_update;
pub mod switch;
pub mod sync;

pub use conflict::Conflict;

use crate::Declaration;

/// Every operation, in the order in which they are shown: what begins, what looks, what changes the
/// workspace, what talks to a remote.
pub const OPERATIONS: &[Declaration] = &[
    Declaration::of::<clone::Clone>(),
    Declaration::of::<status::Status>(),
    Declaration::of::<diff::Diff>(),
    Declaration::of::<log::Log>(),
    Declaration::of::<file_write::FileWrite>(),
    Declaration::of::<add::Add>(),
    Declaration::of::<commit::Commit>(),
    Declaration::of::<fetch::Fetch>(),
    Declaration::of::<pull::Pull>(),
    Declaration::of::<push::Push>(),
    Declaration::of::<push_delete::PushDelete>(),
    Declaration::of::<sync::Sync>(),
    Declaration::of::<ls_remote::LsRemote>(),
    Declaration::of::<remote_add::RemoteAdd>(),
    Declaration::of::<remote_remove::RemoteRemove>(),
    Declaration::of::<submodule_update::SubmoduleUpdate>(),
    Declaration::of::<switch::Switch>(),
    Declaration::of::<branch_create::BranchCreate>(),
    Declaration::of::<branch_list::BranchList>(),
];
