//! What an operation wants of the sandboxes' host.

use super::Notice;

/// Said by [`crate::Operation::place`], carried out outside: nothing here speaks to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order<'a> {
    /// A sandbox that nobody uses: of the pool, else new.
    Create {
        /// For work on this repository.
        repo_url: Option<&'a str>,
    },
    /// It lives at least so long from now.
    KeepAlive {
        /// Which.
        sandbox_id: &'a str,
        /// In seconds; `None`: the policy's life.
        timeout_s: Option<u64>,
    },
    /// It sleeps.
    Pause {
        /// Which.
        sandbox_id: &'a str,
    },
    /// It runs.
    Resume {
        /// Which.
        sandbox_id: &'a str,
    },
    /// It ends.
    Kill {
        /// Which.
        sandbox_id: &'a str,
    },
    /// The ledger learns what the host says of a sandbox.
    Look {
        /// Who said that there is something to see.
        notice: &'a Notice,
    },
    /// So many sandboxes wait in the pool.
    Warm {
        /// How many; `None`: the policy's pool.
        pool: Option<u32>,
    },
    /// What nobody works on any more is closed, paused or ended.
    Reap,
}

impl<'a> Order<'a> {
    /// The one sandbox that it is about, where the caller named it.
    pub fn sandbox_id(&self) -> Option<&'a str> {
        match *self {
            Self::KeepAlive { sandbox_id, .. }
            | Self::Pause { sandbox_id }
            | Self::Resume { sandbox_id }
            | Self::Kill { sandbox_id } => Some(sandbox_id),
            Self::Create { .. } | Self::Look { .. } | Self::Warm { .. } | Self::Reap => None,
        }
    }
}
