//! Remotes: which URLs are admitted, before anything is started.

mod address;
mod admission;
mod gate;
mod spelling;

pub use admission::{Remote, Remotes, holds_credentials};
