//! What would have been: recorded or made-up operations under another policy, another platform, another load.
//!
//! A discrete-event simulation, pure and with a seed. Who takes which sandbox, what is paused and what is ended is
//! decided by the very functions that decide it in production ([`crate::sandboxes::choose`],
//! [`crate::sandboxes::due`], [`crate::sandboxes::pooled`]) on the very states that sandboxes' streams fold to;
//! only time, and when somebody looks, is made here.
//!
//! Agents are closed loops: the next operation is asked for when the one before has ended and the agent has
//! thought, so that slower sandboxes make fewer operations at once, not a pile of them.

pub mod chance;
pub mod engine;
pub mod latency;
pub mod outcome;
pub mod picture;
pub mod recording;
pub mod scale;
pub mod setting;
pub mod sweep;
pub mod synthetic;
pub mod workload;

pub use engine::simulate;
pub use latency::Latency;
pub use outcome::Outcome;
pub use recording::Recording;
pub use setting::Setting;
pub use sweep::{Point, Sweep};
pub use workload::{Ask, Place, Workload};
