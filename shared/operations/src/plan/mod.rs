//! What is run in the sandbox in one round trip, and how it ended.

mod exits;
mod step;

use std::time::Duration;

pub use exits::{Ended, Exit, Exits};
pub use step::{Given, Input, Sink, Step};

use crate::Remote;

/// Steps that need no decision between them. They run in order; the first that fails ends the plan,
/// unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Files that must be there before the first step.
    pub uploads: Vec<Upload>,
    /// The steps.
    pub steps: Vec<Step>,
    /// Environment of every step, beyond the hardened one.
    pub env: Vec<(String, String)>,
    /// A directory in the sandbox's memory, made before the first step and removed after the last,
    /// however the plan ends. Uploads and the credential may lie in it.
    pub scratch: Option<String>,
    /// The one remote that the steps may talk to.
    pub remote: Option<Remote>,
    /// Where the steps expect the credential for `remote`. Whoever runs the plan finds the token and puts
    /// it there; without a token there is no file, and git fails with a clear word.
    pub credential: Option<String>,
    /// True when it sends something to `remote`; else it only asks and takes.
    pub publishes: bool,
    /// True when the plan may write to the workspace: then it holds the lease, so any lock file it finds
    /// is a dead process's and is removed first.
    pub writes: bool,
    /// git is stopped after this long (the whole process group, SIGTERM first).
    pub timeout: Duration,
    /// Of each step's output, what is kept.
    pub output_bytes: usize,
}

/// A file to be put into the sandbox.
#[derive(Clone, PartialEq, Eq)]
pub struct Upload {
    /// Absolute, or relative to the user's home.
    pub path: String,
    /// The contents.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Upload {
    // Contents may be anything, a secret too; they are never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upload({}, {} bytes)", self.path, self.bytes.len())
    }
}
