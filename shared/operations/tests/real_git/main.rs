//! Every operation against real git over real smart HTTP: its plans are run as they are, in a home of
//! their own.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)] // a panic is a test's report; `json!` makes values

mod history;
mod hostile;
mod opening;
mod pulling;
mod pushing;
mod reaping;
mod sandbox;
mod server;
mod truth;
mod working;
