//! What the events add up to: sandboxes, operations, metrics, cost; pure folds and nothing else.
//!
//! No clock, no IO, no async: where "now" matters it is a parameter. The same events give the same
//! state, byte for byte, so a state can be saved beside its position, thrown away and rebuilt.
//! Every state that is saved is bounded by what is alive, never by how long the ledger is; [`timeline`] is not saved.
//!
//! Deliberately absent: knowledge of the operations' names (the caller hands in a
//! [`metrics::Vocabulary`]) and of where events are kept.

pub mod bounded;
pub mod cost;
pub mod counting;
pub mod log_histogram;
pub mod metrics;
pub mod open_operations;
pub mod operation_state;
pub mod projection;
pub mod recent;
pub mod replay;
pub mod report;
pub mod running;
pub mod sandbox_policy;
pub mod sandbox_state;
pub mod sandboxes;
pub mod simulation;
pub mod summary;
pub mod timeline;
pub mod verdict;

#[cfg(test)]
mod tests;

pub use open_operations::OpenOperations;
pub use operation_state::OperationState;
pub use projection::{Projection, fold};
pub use sandbox_policy::SandboxPolicy;
pub use sandbox_state::SandboxState;
pub use sandboxes::Sandboxes;
pub use summary::Summary;
pub use timeline::Timeline;
pub use verdict::Verdict;
