//! `sandbox-create`: a sandbox, before there is anything to do in it.

use gitledger_events::operation::Effect;
use gitledger_events::sandbox::Reuse;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Order, SandboxRecord};
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, check};

/// Makes a sandbox for an agent's task, or takes one that waits in the pool. A clone for the same agent and task
/// then works in it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxCreate {
    /// Your name for the agent.
    pub agent_id: String,
    /// Your name for the agent's task.
    pub task_id: String,
    /// The repository that it is for, `https://host/owner/name`; needed with an API key for certain repositories.
    #[serde(default)]
    pub repo_url: Option<String>,
}

/// The sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxCreateOutput {
    /// `new`, or `warm`: it waited in the pool.
    pub reuse: Reuse,
    #[allow(missing_docs)] // flattened: its fields have theirs
    #[serde(flatten)]
    pub sandbox: SandboxRecord,
}

impl Operation for SandboxCreate {
    const NAME: &'static str = "sandbox-create";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::HOST;
    const EXAMPLE: &'static str = r#"{"agent_id": "a1", "task_id": "t1"}"#;
    const IN_WORKSPACE: bool = false;
    const OPENS_SANDBOX: bool = true;
    type Output = SandboxCreateOutput;

    fn place(&self) -> Place<'_> {
        Place::Host(Order::Create { repo_url: self.repo_url.as_deref() })
    }

    fn check(&self, remotes: &Remotes) -> Result<(), Rejection> {
        check::text::id("agent_id", &self.agent_id)?;
        check::text::id("task_id", &self.task_id)?;
        self.repo_url.as_deref().map_or(Ok(()), |url| remotes.admit("repo_url", url).map(|_| ()))
    }

    fn decide(&self, context: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        match super::sandbox(context) {
            Ok((sandbox, new)) => {
                let reuse = if new { Reuse::New } else { Reuse::Warm };
                Done::with(SandboxCreateOutput { reuse, sandbox: sandbox.clone() }).into()
            }
            Err(failure) => failure.into(),
        }
    }
}
