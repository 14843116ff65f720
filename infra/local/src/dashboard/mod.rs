//! The built-in page: the twelve panels straight from the ledger, by event time. Served by the gateway at
//! `/dashboard`, written by `gitledger dashboard --export` as one file; the same code in both.

pub mod index;
pub mod page;
pub mod report;
pub mod shapes;
pub mod story;

pub use index::Index;
