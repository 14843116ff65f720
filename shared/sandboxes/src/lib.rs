//! Door 2, the sandboxes: the client of E2B's wire protocol, and leases on what it makes.
//!
//! [`ControlPlane`] makes and ends sandboxes, [`Envd`] works inside one, [`runner`] turns a plan into one
//! process and its output into exits, [`Sandboxes`] keeps the ledger true about all of it: a sandbox's own
//! stream is the lock on its workspace.
//!
//! Invariants: a caller's words are arguments, never shell text; a credential travels in a file that is
//! removed, never in argv, environment or URL; a stream that ends without an end event is unknown, not a
//! success. Deliberately absent: any other provider, a mock, terminals, directory watching.

pub mod config;
pub mod control;
pub mod envd;
mod error;
mod http;
pub mod lease_state;
mod origin;
mod random;
pub mod reconcile;
pub mod runner;
mod sandboxes;
mod secret;
pub mod tls;
mod trace;
mod world;

pub use config::Endpoint;
pub use control::ControlPlane;
pub use envd::Envd;
pub use error::SandboxError;
pub use lease_state::LeaseState;
pub use origin::Origin;
pub use runner::{Fence, LINE_BYTES_MAX, Recalled};
pub use sandboxes::{Lease, LeaseError, LeaseRequest, Look, OpenRequest, REQUEST_KEY, Sandboxes};
pub use secret::Secret;
pub use trace::Trace;
pub use world::{SystemWorld, World};
