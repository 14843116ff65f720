//! What the host tells envd before it serves, and what envd answers.
//!
//! Told over an inherited socket and not by arguments or environment, because both can be read by others.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::limits::ResourceLimits;

/// The environment variable by which a sandbox's processes are recognised when nothing isolates them.
pub(crate) const MARKER: &str = "GITLEDGER_SANDBOX_ROOT";

/// One line of JSON from the host to envd, the first thing said. The socket stays open afterwards: its end
/// tells envd that the host is gone.
#[derive(Serialize, Deserialize)]
pub(crate) struct EnvdSettings {
    /// What every request must carry in `X-Access-Token`; none leaves envd open.
    pub(crate) access_token: Option<String>,
    /// Given to every process.
    pub(crate) env_vars: BTreeMap<String, String>,
    /// Where `/home` and `/tmp` really are. None when they are where they say, behind bwrap.
    pub(crate) root: Option<PathBuf>,
    /// What envd puts on itself before it serves.
    pub(crate) limits: ResourceLimits,
    /// The way to the egress proxy, where there is no other way out.
    pub(crate) egress: Option<PathBuf>,
}

/// One line of JSON from envd to the host: it listens.
#[derive(Serialize, Deserialize)]
pub(crate) struct EnvdReady {
    /// The process namespace envd is in, as `/proc` names it; empty where there is no such thing.
    pub(crate) pid_namespace: String,
}
