//! Given these events, when folded, then this.

mod budgets;
mod cardinality;
mod cost;
pub mod given;
mod metrics;
mod operations;
mod prices;
mod properties;
mod render;
mod render_by_crate;
mod replay;
mod report;
mod reuse;
mod sandboxes;
mod simulation;
mod summary;
mod timeline;
