//! Given these events, when folded, then this.

mod cost;
mod given;
mod metrics;
mod operations;
mod properties;
mod render;
mod replay;
mod reuse;
mod sandboxes;
mod simulation;
mod summary;
