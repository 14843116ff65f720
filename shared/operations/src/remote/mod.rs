//! Remotes: which URLs are admitted, before anything is started.

mod address;
mod admission;

pub use admission::{Remote, Remotes};
