//! The local sandbox host: sandboxes on one machine that speak E2B's own wire protocol.
//!
//! Two programs meet here. The *host* ([`Host`]) lives in the caller's process and serves one TCP port: the
//! control plane (create, list, kill, pause) and a proxy to the sandboxes. Each sandbox is one process,
//! *envd* ([`envd_main`]), spoken to over a unix socket; it runs commands and reads and writes files.
//! With `bwrap` that process and all it starts see nothing of the machine but `/usr` and their own
//! directory; without it they are plain processes, and [`Host::isolation`] says so.
//!
//! Deliberately absent, and answered as such: copies of memory (a snapshot or fork has the files and no
//! processes), building templates, volumes.

mod connect;
mod envd;
mod forwarder;
mod host;
mod limits;
pub mod serving;
mod settings;
mod signature;

pub use envd::envd_main;
pub use host::{Egress, Host, HostError, HostOptions, Isolation, Network, Trouble};
pub use limits::{Limits, raise_open_files};

/// The envd version whose protocol is spoken here; SDKs choose their requests by it.
pub const ENVD_VERSION: &str = "0.6.13";
