//! The harness of the whole-path tests: real parts, the real program, a real remote.
//!
//! Nothing here stands in for anything. What a test needs is brought under `target/tools` or taken from
//! `PATH`; what cannot be had fails the test with a sentence that names it. Nothing is skipped in silence.

pub mod agent;
pub mod canary;
pub mod filled;
pub mod history;
pub mod ledger;
pub mod monitoring;
pub mod nats;
pub mod origin;
pub mod process;
pub mod processes;
pub mod program;
pub mod runtime_api;
pub mod system;
pub mod template;
pub mod trap;
pub mod wait;
pub mod wire;

pub use agent::Agent;
pub use gitledger_parts::{self as tools, workspace};
pub use origin::Origin;
pub use process::Process;
pub use system::{Setup, System};
