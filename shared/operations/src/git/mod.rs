//! The operations, one file each; the one table of them; and what several of them share.
//!
//! A new operation is a file of its own, its two lines here (the module and the row), and a scenario in
//! `tests/scenarios`. Routes, tools, verbs, functions, metric labels and documentation follow from the row.

mod attempt;
mod changes;
mod conflict;
mod integrate;
mod left_behind;
mod listing;
mod logged;
#[cfg(test)]
mod noise;
mod pick;
mod preview;
mod remote_config;
mod resolve;
mod revision;
mod room;
pub(crate) mod script;
mod staging;
mod stash;
mod unfinished;
pub(crate) mod workspace;
mod worktree;

pub mod add;
pub mod apply_patch;
pub mod blame;
pub mod branch_create;
pub mod branch_delete;
pub mod branch_list;
pub mod branch_rename;
pub mod cherry_pick;
pub mod clean;
pub mod clone;
pub mod commit;
pub mod compare;
pub mod conflict_list;
pub mod conflict_resolve;
pub mod conflict_show;
pub mod diff;
pub mod doctor;
pub mod fetch;
pub mod file_read;
pub mod file_write;
pub mod grep;
pub mod init;
pub mod log;
pub mod ls_remote;
pub mod merge;
pub mod merge_preview;
pub mod r#move;
pub mod operation_undo;
pub mod pull;
pub mod push;
pub mod push_delete;
pub mod rebase;
pub mod ref_resolve;
pub mod reflog;
pub mod remote_add;
pub mod remote_list;
pub mod remote_remove;
pub mod remove;
pub mod reset;
pub mod restore;
pub mod revert;
pub mod sequencer;
pub mod show;
pub mod stash_drop;
pub mod stash_list;
pub mod stash_pop;
pub mod stash_push;
pub mod status;
pub mod submodule_update;
pub mod switch;
pub mod sync;
pub mod tag_create;
pub mod tag_delete;
pub mod tag_list;
pub mod tree_list;
pub mod unstage;
pub mod worktree_add;
pub mod worktree_remove;

pub use attempt::OnConflict;
pub use conflict::{Conflict, ConflictSide};
pub use listing::Told;
pub use pick::PickOutput;
pub use preview::ConflictReason;
pub use unfinished::Progress;

use crate::{Declaration, record};

/// Every operation, in the order in which they are shown.
pub const OPERATIONS: &[Declaration] = &[
    // Begins.
    Declaration::of::<clone::Clone>(),
    Declaration::of::<init::Init>(),
    // Looks at the workspace.
    Declaration::of::<status::Status>(),
    Declaration::of::<diff::Diff>(),
    Declaration::of::<file_read::FileRead>(),
    Declaration::of::<tree_list::TreeList>(),
    Declaration::of::<grep::Grep>(),
    Declaration::of::<blame::Blame>(),
    Declaration::of::<log::Log>(),
    Declaration::of::<show::Show>(),
    Declaration::of::<compare::Compare>(),
    Declaration::of::<ref_resolve::RefResolve>(),
    Declaration::of::<branch_list::BranchList>(),
    Declaration::of::<tag_list::TagList>(),
    Declaration::of::<stash_list::StashList>(),
    Declaration::of::<reflog::Reflog>(),
    Declaration::of::<remote_list::RemoteList>(),
    Declaration::of::<merge_preview::MergePreview>(),
    Declaration::of::<conflict_list::ConflictList>(),
    Declaration::of::<conflict_show::ConflictShow>(),
    // Changes the files and what is staged.
    Declaration::of::<file_write::FileWrite>(),
    Declaration::of::<apply_patch::ApplyPatch>(),
    Declaration::of::<add::Add>(),
    Declaration::of::<unstage::Unstage>(),
    Declaration::of::<restore::Restore>(),
    Declaration::of::<remove::Remove>(),
    Declaration::of::<r#move::Move>(),
    Declaration::of::<clean::Clean>(),
    Declaration::of::<stash_push::StashPush>(),
    Declaration::of::<stash_pop::StashPop>(),
    Declaration::of::<stash_drop::StashDrop>(),
    // Changes the history.
    Declaration::of::<commit::Commit>(),
    Declaration::of::<reset::Reset>(),
    Declaration::of::<merge::Merge>(),
    Declaration::of::<rebase::Rebase>(),
    Declaration::of::<cherry_pick::CherryPick>(),
    Declaration::of::<revert::Revert>(),
    Declaration::of::<conflict_resolve::ConflictResolve>(),
    Declaration::of::<sequencer::Sequencer>(),
    // Changes branches, tags and working copies.
    Declaration::of::<switch::Switch>(),
    Declaration::of::<branch_create::BranchCreate>(),
    Declaration::of::<branch_rename::BranchRename>(),
    Declaration::of::<branch_delete::BranchDelete>(),
    Declaration::of::<tag_create::TagCreate>(),
    Declaration::of::<tag_delete::TagDelete>(),
    Declaration::of::<worktree_add::WorktreeAdd>(),
    Declaration::of::<worktree_remove::WorktreeRemove>(),
    // Talks to a remote.
    Declaration::of::<fetch::Fetch>(),
    Declaration::of::<pull::Pull>(),
    Declaration::of::<push::Push>(),
    Declaration::of::<sync::Sync>(),
    Declaration::of::<push_delete::PushDelete>(),
    Declaration::of::<ls_remote::LsRemote>(),
    Declaration::of::<remote_add::RemoteAdd>(),
    Declaration::of::<remote_remove::RemoteRemove>(),
    Declaration::of::<submodule_update::SubmoduleUpdate>(),
    // Is about operations and the sandbox itself.
    Declaration::of::<record::operation_get::OperationGet>(),
    Declaration::of::<record::operation_list::OperationList>(),
    Declaration::of::<record::operation_cancel::OperationCancel>(),
    Declaration::of::<operation_undo::OperationUndo>(),
    Declaration::of::<doctor::Doctor>(),
];
