//! `sandbox-list`: the sandboxes that are alive.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SandboxPhase, SandboxRecord};
use crate::page::{Page, digest};
use crate::record::{Found, Wants};
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, check};

/// Lists the sandboxes that run or are paused, as the ledger knows them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxList {
    /// Only those of this agent.
    #[serde(default)]
    pub agent_id: Option<String>,
    /// Only those of this task.
    #[serde(default)]
    pub task_id: Option<String>,
    /// Only those with this repository, `host/owner/name`.
    #[serde(default)]
    pub repo: Option<String>,
    /// Only those that are there in their lives.
    #[serde(default)]
    pub phase: Option<SandboxPhase>,
}

/// The sandboxes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxListOutput {
    /// By id.
    pub sandboxes: Vec<SandboxRecord>,
    #[allow(missing_docs)] // flattened: its fields have theirs
    #[serde(flatten)]
    pub page: Page,
}

impl Operation for SandboxList {
    const NAME: &'static str = "sandbox-list";
    const EFFECT: Effect = Effect::Reads;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"phase": "running"}"#;
    const IN_WORKSPACE: bool = false;
    const PAGES: bool = true;
    type Output = SandboxListOutput;

    fn place(&self) -> Place<'_> {
        Place::Ledger
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        let ids = [("agent_id", &self.agent_id), ("task_id", &self.task_id)];
        ids.iter()
            .try_for_each(|(field, id)| id.as_deref().map_or(Ok(()), |id| check::text::id(field, id)))?;
        self.repo.as_deref().map_or(Ok(()), |repo| check::text::line("repo", repo, 300))
    }

    fn wants(&self) -> Wants {
        Wants::Sandboxes
    }

    fn decide(&self, context: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        let all = if let Found::Sandboxes(all) = context.found { all.as_slice() } else { &[] };
        let listed: Vec<_> = all.iter().filter(|one| self.fits(one)).cloned().collect();
        let paging = &context.envelope.page;
        let ids: Vec<&str> = listed.iter().map(|one| one.sandbox_id.as_str()).collect();
        let pins = [digest(ids.join(" ").as_bytes())];
        if let Err(failure) = paging.same(&pins) {
            return failure.into();
        }
        let (sandboxes, page) = paging.cut(listed, &pins, 200, |one| one.sandbox_id.clone());
        Done::with(SandboxListOutput { sandboxes, page }).into()
    }
}

impl SandboxList {
    fn fits(&self, record: &SandboxRecord) -> bool {
        let same = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
        same(&self.agent_id, &record.agent_id)
            && same(&self.task_id, &record.task_id)
            && same(&self.repo, &record.repo)
            && self.phase.is_none_or(|phase| phase == record.phase)
    }
}
