//! `merge-preview`: what a merge, rebase, cherry-pick or revert would come to.

mod commits;

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conflict::{self, Conflict};
use super::preview::{self, ConflictReason};
use super::workspace;
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, check};

/// Tells whether a merge, rebase, cherry-pick or revert would fit, and what would not. Nothing is touched:
/// there is no need for a clean working tree.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergePreview {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// What would be done. All but `merge` need git 2.40 in the sandbox.
    #[serde(default)]
    pub kind: PreviewKind,
    /// What would be merged, rebased, picked or taken back: HEAD, a branch, a tag or an object id.
    pub source: String,
    /// Where to: HEAD if not given. Of a rebase, what the commits of `source` would be put on.
    #[serde(default = "head")]
    pub target: String,
    /// Of a merge commit that is picked or taken back, which parent (from 1) it is compared with.
    #[serde(default)]
    pub mainline: Option<u32>,
}

/// What would be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PreviewKind {
    /// `source` merged into `target`.
    #[default]
    Merge,
    /// The commits that `source` has and `target` has not, made again on top of `target`.
    Rebase,
    /// The one commit `source` made again on top of `target`.
    CherryPick,
    /// The one commit `source` taken back on top of `target`.
    Revert,
}

/// What would come of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergePreviewOutput {
    /// True when everything would fit.
    pub clean: bool,
    /// True when nothing would change: what would come in is there already.
    pub up_to_date: bool,
    /// True when a merge would only move the branch forward.
    pub fast_forward: bool,
    /// The commit that `source` is.
    pub source: String,
    /// The commit that `target` is.
    pub target: String,
    /// How many commits would be made again; 1 unless it is a rebase.
    pub commits: u64,
    /// The commit that would not fit; of a rebase the first one.
    pub stopped_at: Option<String>,
    /// The files that would not fit; of very many only the first.
    pub conflicts: Vec<Conflict>,
    /// How many files would not fit, those left out of `conflicts` included.
    pub conflicts_total: u64,
    /// Why they would not.
    pub reasons: Vec<ConflictReason>,
}

fn head() -> String {
    "HEAD".to_owned()
}

impl Operation for MergePreview {
    const NAME: &'static str = "merge-preview";
    const EFFECT: Effect = Effect::Reads;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "source": "side"}"#;
    type Output = MergePreviewOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::revision("source", &self.source)?;
        check::reference::revision("target", &self.target)?;
        let picks = matches!(self.kind, PreviewKind::CherryPick | PreviewKind::Revert);
        match self.mainline {
            Some(parent) if !picks || !(1..=16).contains(&parent) => {
                Err(Rejection::argument("mainline", "must be 1 to 16, and needs 'cherry-pick' or 'revert'"))
            }
            _ => Ok(()),
        }
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        match self.kind {
            PreviewKind::Merge => self.merge(context, rounds),
            PreviewKind::Rebase => commits::rebase(self, context, rounds),
            PreviewKind::CherryPick | PreviewKind::Revert => commits::pick(self, context, rounds),
        }
    }

    fn recorded_output(output: &Self::Output) -> Option<serde_json::Value> {
        Some(serde_json::json!({
            "clean": output.clean,
            "source": output.source,
            "target": output.target,
            "commits": output.commits,
            "conflicts_total": output.conflicts_total,
        }))
    }
}

impl MergePreview {
    fn merge(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<MergePreviewOutput> {
        let script = preview::merge_script(context, &self.target, &self.source);
        let Some(exits) = rounds.first() else {
            return Decision::run(preview::plan(script, context, Self::BUDGET, rounds));
        };
        match preview::read_merge(&script, exits, [&self.target, &self.source]) {
            Ok(joined) => {
                let output = MergePreviewOutput {
                    up_to_date: joined.up_to_date(),
                    fast_forward: joined.forward() && !joined.up_to_date(),
                    source: joined.source,
                    target: joined.target,
                    commits: 1,
                    ..MergePreviewOutput::default()
                };
                Done::with(output.with(&joined.conflicts, joined.reasons)).into()
            }
            Err(failure) => failure.into(),
        }
    }
}

impl MergePreviewOutput {
    /// The same with what does not fit.
    fn with(self, conflicts: &[Conflict], reasons: Vec<ConflictReason>) -> Self {
        let stopped_at = (!conflicts.is_empty()).then(|| self.source.clone());
        Self {
            clean: conflicts.is_empty(),
            stopped_at: self.stopped_at.clone().or(stopped_at),
            conflicts_total: u64::try_from(conflicts.len()).unwrap_or(u64::MAX),
            conflicts: conflict::told(conflicts).to_vec(),
            reasons,
            ..self
        }
    }
}
