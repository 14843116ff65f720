//! Every Lambda function, thin over one story.
//!
//! [`story::operate`] is the path of one request; the local gateway, the CLI and every `git-*` and `sandbox-*`
//! function call it and nothing else. [`projector`], [`exporter`] and [`feed`] are the other stories; [`reaper`] is
//! what `sandbox-reap` does; [`costs`] and [`report`] read the whole ledger for whoever asks.
//! Invariants: only [`settings`] reads the environment; nothing is done to the world before an event says
//! that it will be; nothing is answered before it is durable.

pub mod access;
pub mod answer;
pub mod catalogue;
pub mod costs;
pub mod exporter;
pub mod feed;
mod held;
pub mod lambda;
mod lifecycle;
pub mod projector;
pub mod reaper;
pub mod refusal;
pub mod report;
pub mod request;
pub mod running;
pub mod settings;
pub mod spending;
pub mod story;
pub mod trigger;
pub mod world;

pub use answer::Answer;
pub use refusal::Refusal;
pub use request::Request;
pub use settings::Settings;
pub use story::operate;
pub use world::World;
