//! The whole system in one program on one machine: gateway, sandbox host, ledger, projector, reaper,
//! exporter; and the commands to work with them.

pub mod calling;
pub mod commands;
pub mod dashboard;
pub mod demo;
pub mod field;
pub mod gateway;
pub mod mcp;
pub mod metrics;
pub mod remote;
pub mod replay;
pub mod report;
pub mod running;
pub mod simulate;

/// An error as a command ends with it: a sentence.
fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
