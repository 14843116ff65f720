//! The operations, one file each; the one table of them; and what several of them share.
//!
//! A new operation is a file of its own, its two lines here (the module and the row), and a scenario in
//! `tests/scenarios`. Routes, tools, verbs, functions, metric labels and documentation follow from the row.

mod attempt;
mod conflict;
mod integrate;
#[cfg(test)]
mod noise;
mod pick;
mod preview;
mod resolve;
mod room;
pub(crate) mod script;
mod staging;
mod unfinished;
mod workspace;

pub mod add;
pub mod branch_create;
pub mod branch_delete;
pub mod branch_list;
pub mod branch_rename;
pub mod cherry_pick;
pub mod clone;
pub mod commit;
pub mod conflict_list;
pub mod conflict_resolve;
pub mod conflict_show;
pub mod diff;
pub mod fetch;
pub mod file_write;
pub mod log;
pub mod merge;
pub mod merge_preview;
pub mod pull;
pub mod push;
pub mod rebase;
pub mod revert;
pub mod sequencer;
pub mod status;
pub mod switch;
pub mod tag_create;
pub mod tag_delete;

pub use attempt::OnConflict;
pub use conflict::{Conflict, ConflictSide};
pub use pick::PickOutput;
pub use preview::ConflictReason;
pub use unfinished::Progress;

use crate::Declaration;

/// Every operation, in the order in which they are shown: what begins, what looks, what changes the
/// workspace, what talks to a remote.
pub const OPERATIONS: &[Declaration] = &[
    Declaration::of::<clone::Clone>(),
    Declaration::of::<status::Status>(),
    Declaration::of::<diff::Diff>(),
    Declaration::of::<log::Log>(),
    Declaration::of::<merge_preview::MergePreview>(),
    Declaration::of::<conflict_list::ConflictList>(),
    Declaration::of::<conflict_show::ConflictShow>(),
    Declaration::of::<file_write::FileWrite>(),
    Declaration::of::<add::Add>(),
    Declaration::of::<commit::Commit>(),
    Declaration::of::<merge::Merge>(),
    Declaration::of::<rebase::Rebase>(),
    Declaration::of::<cherry_pick::CherryPick>(),
    Declaration::of::<revert::Revert>(),
    Declaration::of::<conflict_resolve::ConflictResolve>(),
    Declaration::of::<sequencer::Sequencer>(),
    Declaration::of::<fetch::Fetch>(),
    Declaration::of::<pull::Pull>(),
    Declaration::of::<push::Push>(),
    Declaration::of::<switch::Switch>(),
    Declaration::of::<branch_create::BranchCreate>(),
    Declaration::of::<branch_list::BranchList>(),
    Declaration::of::<branch_rename::BranchRename>(),
    Declaration::of::<branch_delete::BranchDelete>(),
    Declaration::of::<tag_create::TagCreate>(),
    Declaration::of::<tag_delete::TagDelete>(),
];
