//! The whole ledger, fast: each event in brief, names as numbers, one fold over them.
//!
//! The other projections follow the ledger as it grows, event by event. A replay goes over all of it, again and
//! again, to any instant and at any price; so it reads of each event only what adds up to figures, and can keep
//! that as sealed [`segment`]s. It is another way to the same numbers, and tests hold the two together.
//!
//! Deliberately absent: files and prices. What is folded is how long and how often; a price is put on it last.

pub mod account;
pub mod brief;
pub mod days;
pub mod durations;
pub mod figures;
mod machines;
pub mod names;
mod plain;
mod plainly;
pub mod reading;
pub mod segment;

pub use account::Account;
pub use brief::{Brief, Kind};
pub use figures::Figures;
pub use names::Names;
pub use reading::{RawEvent, Unreadable};
