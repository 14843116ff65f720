//! `sandbox-lifecycle`: E2B says that something happened to a sandbox.

use std::sync::OnceLock;

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Notice, Order};
use crate::record::Found;
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes};

/// Takes E2B's webhook and looks at the sandbox that it names: its signature is checked, and then the host is asked
/// what became of the sandbox. What the webhook itself says is never believed. Over HTTP the body is E2B's own, and `e2b-signature` a header.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxLifecycle {
    /// The body, byte by byte as E2B sent it.
    pub body: String,
    /// The header `e2b-signature`.
    pub signature: String,
    /// The header `e2b-signature-version`; only `v1` is known.
    #[serde(default)]
    pub signature_version: Option<String>,
    #[serde(skip)]
    #[schemars(skip)]
    #[allow(missing_docs)] // the body, read once
    notice: OnceLock<Option<Notice>>,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxLifecycleOutput {
    /// The sandbox that was looked at.
    pub sandbox_id: String,
    /// What came of it.
    pub seen: Seen,
}

/// What a look at one sandbox came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// The ledger knew it all.
    Unchanged,
    /// It sleeps; the ledger knows now.
    Paused,
    /// It runs; the ledger knows now.
    Resumed,
    /// It ends at another time; the ledger knows now.
    Extended,
    /// It is no more; the ledger knows now.
    Ended,
    /// It was this system's, nobody here knew it, and it was ended.
    Leaked,
    /// It is not this system's, or too young to be judged.
    Foreign,
    /// An operation has it, which knows better.
    Busy,
}

impl SandboxLifecycle {
    /// The body, read; `None` before [`Operation::check`] has let it pass.
    pub fn notice(&self) -> Option<&Notice> {
        self.notice.get_or_init(|| Notice::read(&self.body).ok()).as_ref()
    }
}

impl Operation for SandboxLifecycle {
    const NAME: &'static str = "sandbox-lifecycle";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::HOST;
    const EXAMPLE: &'static str = r#"{"body": "{\"id\": \"019ac0f2-6a6d-7d0e-a00d-0c1d2e3f4a5b\", \"type\": \"sandbox.lifecycle.paused\", \"timestamp\": \"2026-03-10T09:30:00Z\", \"sandbox_id\": \"i0123456789abcdefghij\"}", "signature": "8cDZpEDcNLkT4sX3PqoA7gWfKk0a1BzLwL1W0mQ1y2s"}"#;
    const IN_WORKSPACE: bool = false;
    const SIGNED: bool = true;
    type Output = SandboxLifecycleOutput;

    fn place(&self) -> Place<'_> {
        // `check` has refused what cannot be read.
        self.notice().map_or(Place::Ledger, |notice| Place::Host(Order::Look { notice }))
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        if self.signature_version.as_deref().is_some_and(|version| version != "v1") {
            return Err(Rejection::argument("e2b-signature-version", "must be v1"));
        }
        Notice::read(&self.body).map(|_| ())
    }

    fn decide(&self, context: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        match (context.found, self.notice()) {
            (Found::Seen(seen), Some(notice)) => {
                let sandbox_id = notice.sandbox_id.clone();
                Done::with(SandboxLifecycleOutput { sandbox_id, seen: *seen }).into()
            }
            _ => super::untold().into(),
        }
    }

    /// Not the body: only what was looked at.
    fn recorded_input(&self) -> Value {
        self.notice().map_or(Value::Null, |notice| json!(notice))
    }
}
