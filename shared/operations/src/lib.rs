//! What may be asked of git, and how the answer is read.
//!
//! Invariants: nothing in here does IO, waits, or reads a clock, the environment or a random number. An
//! operation is one file under `git/` or `lifecycle/`: a type that is its input, whose doc comment is its help on
//! every surface. [`table`] lists them all, and every surface is derived from that list. Callers
//! never supply options, only values; nothing here builds shell text from a caller's words.

pub mod check;
pub mod clean_room;
pub mod context;
pub mod decision;
pub mod declaration;
pub mod envelope;
pub mod failure;
pub mod git;
mod guard;
pub mod hardening;
pub mod lifecycle;
pub mod operation;
pub mod page;
pub mod plan;
pub mod policy;
pub mod record;
pub mod rejection;
pub mod remote;
pub mod snapshot;
pub mod table;

pub use context::Context;
pub use decision::{Decision, Done, Failure};
pub use declaration::{Asked, Declaration};
pub use envelope::Envelope;
pub use failure::Code;
pub use operation::{Budget, Operation, Place, Undo};
pub use page::Page;
pub use plan::{Exit, Exits, Plan, Step};
pub use policy::{PushKind, PushPolicy};
pub use rejection::Rejection;
pub use remote::{Remote, Remotes};
