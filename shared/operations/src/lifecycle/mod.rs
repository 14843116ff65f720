//! What may be asked about the sandboxes themselves: one file per operation, and their table.
//!
//! They run no git. Those that look ask the ledger ([`crate::Place::Ledger`]); the others say what they want of
//! the sandboxes' host as an [`Order`] ([`crate::Place::Host`]), which whoever runs them carries out and tells
//! what came of it. A new one is a file here, its two lines below, and where it needs a new order, that order
//! and the arm that carries it out in `functions/src/lifecycle/`.

mod notice;
mod order;
mod record;
mod wipe;

pub mod sandbox_create;
pub mod sandbox_get;
pub mod sandbox_keep_alive;
pub mod sandbox_kill;
pub mod sandbox_lifecycle;
pub mod sandbox_list;
pub mod sandbox_pause;
pub mod sandbox_reap;
pub mod sandbox_resume;
pub mod sandbox_warm;

pub use notice::Notice;
pub use order::Order;
pub use record::{SandboxPhase, SandboxRecord};
pub use wipe::plan as wipe;

use crate::record::Found;
use crate::{Context, Declaration, Failure, failure::codes};

/// Every operation on sandboxes, in the order in which they are shown.
pub const OPERATIONS: &[Declaration] = &[
    Declaration::of::<sandbox_create::SandboxCreate>(),
    Declaration::of::<sandbox_list::SandboxList>(),
    Declaration::of::<sandbox_get::SandboxGet>(),
    Declaration::of::<sandbox_keep_alive::SandboxKeepAlive>(),
    Declaration::of::<sandbox_pause::SandboxPause>(),
    Declaration::of::<sandbox_resume::SandboxResume>(),
    Declaration::of::<sandbox_kill::SandboxKill>(),
    Declaration::of::<sandbox_warm::SandboxWarm>(),
    Declaration::of::<sandbox_reap::SandboxReap>(),
    Declaration::of::<sandbox_lifecycle::SandboxLifecycle>(),
];

/// The sandbox that was acted on, and whether that changed it; or the failure that there is none.
fn sandbox<'a>(context: &Context<'a>) -> Result<(&'a SandboxRecord, bool), Failure> {
    match context.found {
        Found::Sandbox(record, changed) => Ok((record, *changed)),
        _ => Err(Failure::new(codes::SANDBOX_NOT_FOUND, "There is no such sandbox.")),
    }
}

/// An order was carried out and told something else than was asked.
fn untold() -> Failure {
    Failure::new(codes::SANDBOX_UNAVAILABLE, "What came of it was not told.")
}
