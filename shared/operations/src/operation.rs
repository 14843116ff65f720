//! What it takes to be an operation.

use std::time::Duration;

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::lifecycle::Order;
use crate::record::Wants;
use crate::{Context, Decision, Exits, Rejection, Remotes};

/// How much an operation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// From the request to the outcome. git itself is stopped a little earlier.
    pub time: Duration,
    /// What git may print in one step; the rest is counted and dropped.
    pub output_bytes: usize,
}

impl Budget {
    /// For what only looks at the workspace.
    pub const LOCAL: Self = Self { time: Duration::from_mins(1), output_bytes: 4 << 20 };
    /// For what asks the sandboxes' host for one thing.
    pub const HOST: Self = Self { time: Duration::from_mins(2), output_bytes: 0 };
    /// For what talks to a remote.
    pub const REMOTE: Self = Self { time: Duration::from_mins(5), output_bytes: 1 << 20 };
}

/// How an operation can be undone, from what its outcome has recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// Not at all: it changes nothing, or what it changes is not only ours.
    Never,
    /// The references go back; the files and what is staged stay as they are.
    References,
    /// The references go back, and the files with them; what is not committed is carried over or in the way.
    Checkout,
    /// References, files and what is staged go back to the snapshot that was kept before.
    Snapshot,
}

/// Where an operation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// Nowhere: it only asks for what the ledger has, see [`crate::record`]. It is not recorded itself.
    Ledger,
    /// Nowhere: it is about sandboxes, and their host is to do something, see [`crate::lifecycle`].
    Host(Order<'a>),
    /// In a sandbox that the caller names.
    Named(&'a str),
    /// In a sandbox that fits: one that has the repository and the agent's trust, else a new one.
    Opens {
        /// The repository's URL.
        repo_url: &'a str,
        /// For whom.
        agent_id: &'a str,
        /// For what.
        task_id: &'a str,
    },
}

/// One thing that may be asked of git. The implementing type is the input; its doc comment is its help.
pub trait Operation: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The name on every surface, in kebab case.
    const NAME: &'static str;
    /// What it may do to the world.
    const EFFECT: Effect;
    /// What it may take.
    const BUDGET: Budget;
    /// An input that is accepted, as JSON: shown in every help, and asked for by tests.
    const EXAMPLE: &'static str;
    /// True when the answer shows contents of files: those are never recorded, whoever asks.
    const SHOWS_CONTENTS: bool = false;
    /// False for what makes the workspace, or needs none: then there is no HEAD to be expected.
    const IN_WORKSPACE: bool = true;
    /// True when something may be lost for good: a caller should think twice, and tools say so.
    const DESTRUCTIVE: bool = false;
    /// True when `dry_run` may be asked for; then [`Operation::decide`] must heed it.
    const DRY_RUN: bool = false;
    /// True when the answer comes in pages, see [`crate::page`].
    const PAGES: bool = false;
    /// True for what may get a sandbox for itself: then the caller may say how that is chosen and kept, see
    /// [`crate::envelope::Keep`].
    const OPENS_SANDBOX: bool = false;
    /// True for what E2B asks by its webhook: over HTTP the input is the raw body and its signature, which is
    /// checked before anything else, and no API key is asked for.
    const SIGNED: bool = false;
    /// How it can be undone afterwards.
    const UNDO: Undo = Undo::Never;
    /// The answer when it succeeds.
    type Output: Serialize + JsonSchema;

    /// Where it runs.
    fn place(&self) -> Place<'_>;

    /// Checks what types cannot. Nothing has happened yet, and nothing will when this refuses.
    fn check(&self, remotes: &Remotes) -> Result<(), Rejection>;

    /// True when this very input endangers files or staged changes: before the first plan of such an
    /// operation a snapshot of them is kept, see [`crate::snapshot`].
    fn endangers_files(&self) -> bool {
        false
    }

    /// What it needs to know of the ledger.
    fn wants(&self) -> Wants {
        Wants::Nothing
    }

    /// What to do next, given how the plans run so far ended. Called with no rounds first; pure, so the
    /// same rounds always give the same decision.
    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output>;

    /// The input as the ledger keeps it: without file contents, and short.
    fn recorded_input(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// The answer as the ledger keeps it when nobody will ask for it again: a summary where it can be long.
    /// Under a caller's key the whole answer is kept, unless it shows contents.
    fn recorded_output(output: &Self::Output) -> Option<Value> {
        serde_json::to_value(output).ok()
    }
}
