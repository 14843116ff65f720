//! `rebase`: makes the current branch's commits again on top of others.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::attempt::{self, Attempt, OnConflict};
use super::script::Script;
use super::{integrate, resolve, workspace};
use crate::{Budget, Context, Decision, Exits, Operation, Place, Rejection, Remotes, Step, Undo, check};

/// Makes the current branch's own commits again on top of another branch, tag or commit. Merges among them
/// are left out. If one of them does not fit, nothing is left changed and the conflicts are told; or it
/// stays open to be resolved, commit by commit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rebase {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// What the commits are put on: a branch (`origin/main` for the remote's), a tag or an object id. Its
    /// commits are not made again.
    pub upstream: String,
    /// Put them on this instead; `upstream` then only says where the own commits begin.
    #[serde(default)]
    pub onto: Option<String>,
    /// What becomes of the workspace when there is a conflict.
    #[serde(default)]
    pub on_conflict: OnConflict,
}

/// Where the branch is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RebaseOutput {
    /// HEAD afterwards.
    pub head: Option<String>,
    /// The commit that the others were put on.
    pub onto: Option<String>,
    /// True when HEAD moved. False when every commit was where it belongs already.
    pub changed: bool,
    /// Commits on top of `onto` now. Those that changed nothing any more are left out.
    pub commits: u64,
}

impl Operation for Rebase {
    const NAME: &'static str = "rebase";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "upstream": "origin/main"}"#;
    const UNDO: Undo = Undo::Checkout;
    type Output = RebaseOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::revision("upstream", &self.upstream)?;
        self.onto.as_deref().map_or(Ok(()), |onto| check::reference::revision("onto", onto))
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        self.attempt().decide(context, Self::BUDGET, rounds, |script, exits, changed| RebaseOutput {
            head: changed.after.oid.clone(),
            onto: script.line(exits, "onto"),
            changed: changed.moved(),
            commits: script.line(exits, "count").and_then(|line| line.parse().ok()).unwrap_or(0),
        })
    }
}

impl Rebase {
    fn attempt(&self) -> Attempt {
        let begin = integrate::clean_steps(attempt::begin());
        let (upstream, onto) = (begin.len(), begin.len() + 1);
        let named = self.onto.as_ref().unwrap_or(&self.upstream);
        let act = Step::git(integrate::REBASE).with(["--onto"]).given(onto).given(upstream);
        let count = Step::git(["rev-list", "--count", "HEAD", "--not"]).given(onto).may_fail();
        Attempt {
            before: begin
                .step("upstream", resolve::commit_step(&self.upstream))
                .step("onto", resolve::commit_step(named)),
            names: vec![(upstream, self.upstream.clone()), (onto, named.clone())],
            act,
            commit: None,
            undo: Step::git(["rebase", "--abort"]),
            last: Script::default().step("count", count),
            on_conflict: self.on_conflict,
        }
    }
}
