//! `conflict-list`: which files git could not join.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conflict::{self, Conflict};
use super::script::Script;
use super::unfinished::{self, Progress};
use super::workspace;
use crate::page::{digest, json_bytes};
use crate::{Budget, Context, Decision, Done, Exits, Operation, Page, Place, Rejection, Remotes};

/// Lists the files with conflicts, each with what its sides have and what can be done; and what is not
/// finished because of them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConflictList {
    /// The sandbox to look into.
    pub sandbox_id: String,
}

/// The conflicts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConflictListOutput {
    /// The files, by name.
    pub conflicts: Vec<ListedConflict>,
    /// How many there are on all pages.
    pub conflicts_total: u64,
    /// What is not finished: `merge`, `rebase`, `cherry-pick`, `revert` or `bisect`.
    pub in_progress: Option<String>,
    /// How far it has come.
    pub progress: Option<Progress>,
    /// What was left out.
    #[serde(flatten)]
    pub page: Page,
}

/// A file with a conflict, and what can be done about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedConflict {
    /// The file and its sides.
    #[serde(flatten)]
    pub conflict: Conflict,
    /// What can be done, for people.
    pub advice: String,
}

impl Operation for ConflictList {
    const NAME: &'static str = "conflict-list";
    const EFFECT: Effect = Effect::Reads;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1"}"#;
    const PAGES: bool = true;
    type Output = ConflictListOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let list = crate::Step { may_fail: false, ..conflict::list_step() };
        let script = Script::default().step("conflicts", list).step("state", unfinished::step());
        let Some(exits) = rounds.first() else {
            return Decision::run(script.reading(context, Self::BUDGET, rounds));
        };
        if let Some(failure) = script.failure(exits, SideEffect::None) {
            return failure.into();
        }
        let listed = script.exit(exits, "conflicts");
        let pins = vec![digest(listed.map_or(&[], |exit| &exit.stdout))];
        let paging = &context.envelope.page;
        if let Err(failure) = paging.same(&pins) {
            return failure.into();
        }
        let conflicts: Vec<_> = conflict::read(listed).into_iter().map(ListedConflict::of).collect();
        let state = unfinished::read(script.exit(exits, "state"));
        let mut output = ConflictListOutput {
            conflicts_total: u64::try_from(conflicts.len()).unwrap_or(u64::MAX),
            in_progress: state.as_ref().map(|state| state.kind.name().to_owned()),
            progress: state.map(|state| state.progress),
            ..ConflictListOutput::default()
        };
        let name = |listed: &ListedConflict| listed.conflict.path.clone();
        let (shown, page) = paging.cut(conflicts, &pins, json_bytes(&output), name);
        (output.conflicts, output.page) = (shown, page);
        Done::with(output).into()
    }

    fn recorded_output(output: &Self::Output) -> Option<serde_json::Value> {
        Some(serde_json::json!({
            "conflicts_total": output.conflicts_total,
            "in_progress": output.in_progress,
        }))
    }
}

impl ListedConflict {
    fn of(conflict: Conflict) -> Self {
        Self { advice: conflict.advice().to_owned(), conflict }
    }
}
