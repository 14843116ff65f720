//! The operations, one file each, and what several of them share.

mod conflict;
mod integrate;
#[cfg(test)]
mod noise;
mod room;
mod script;
mod staging;
pub(crate) mod workspace;

pub mod add;
pub mod branch_create;
pub mod branch_list;
pub mod clone;
pub mod commit;
pub mod diff;
pub mod fetch;
pub mod file_write;
pub mod log;
pub mod pull;
pub mod push;
pub mod status;
pub mod switch;

pub use conflict::Conflict;
