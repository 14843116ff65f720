//! How the sandboxes can fail us, and under which failure code that is told.

use gitledger_operations::failure::{Code, codes};

/// Why something did not happen in, or with, a sandbox. Messages are for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// There is no such sandbox (any more). Nothing was done.
    #[error("there is no such sandbox")]
    NotFound,
    /// It sleeps; it must be resumed first. Nothing was done.
    #[error("the sandbox is paused")]
    Paused,
    /// A later lease has been used in the sandbox. Nothing was done.
    #[error("the lease is over, and another has the workspace")]
    Fenced,
    /// It went away while it worked. What it did is not known.
    #[error("the sandbox went away: {0}")]
    Lost(String),
    /// The process ran to its end, but some of its output was lost on the way.
    #[error("the answer of the sandbox was lost")]
    Interrupted {
        /// True when every step that had to succeed did.
        succeeded: bool,
    },
    /// No further sandbox is allowed now.
    #[error("sandbox quota: {0}")]
    Quota(String),
    /// E2B or the way to it is down or overloaded. Nothing was started.
    #[error("sandboxes are unavailable: {0}")]
    Unavailable(String),
    /// The API key or a sandbox's token was refused.
    #[error("access to sandboxes refused: {0}")]
    Auth(String),
    /// The sandbox lacks what every plan needs (`bash`, `timeout`).
    #[error("the sandbox cannot run plans: {0}")]
    Unsuitable(String),
    /// The sandbox's disk is full.
    #[error("the sandbox's disk is full")]
    DiskFull,
    /// The plan cannot be told to a sandbox. Nothing was done.
    #[error("plan: {0}")]
    Plan(String),
    /// The other side does not speak the protocol as we know it.
    #[error("protocol: {0}")]
    Protocol(String),
}

impl SandboxError {
    /// The failure code.
    pub fn code(&self) -> Code {
        match self {
            Self::NotFound | Self::Paused => codes::SANDBOX_NOT_FOUND,
            Self::Fenced => codes::LEASE_LOST,
            Self::Lost(_) => codes::SANDBOX_LOST,
            Self::Interrupted { .. } => codes::UNKNOWN_OUTCOME,
            Self::Quota(_) => codes::SANDBOX_QUOTA,
            Self::DiskFull => codes::DISK_FULL,
            Self::Unsuitable(_) => codes::GIT_MISSING,
            Self::Unavailable(_) | Self::Auth(_) | Self::Plan(_) | Self::Protocol(_) => {
                codes::SANDBOX_UNAVAILABLE
            }
        }
    }

    /// True when something may have been done all the same.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Interrupted { .. } | Self::Protocol(_))
    }
}
