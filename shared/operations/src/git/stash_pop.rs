//! `stash-pop`: brings back what was put aside.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::conflict::{self, Conflict};
use super::script::{Script, scratch};
use super::{left_behind, listing, room, staging, stash, workspace};
use crate::failure::codes;
use crate::plan::Ended;
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, Undo,
};

/// Brings back what `stash-push` put aside, and takes it off the stash. If it does not fit what is there
/// now, the conflicts are told and marked in the files, and the stash is kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StashPop {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// Which one: 0 is the latest.
    #[serde(default)]
    pub index: u32,
    /// Do nothing unless it is this commit, as `stash-push` or `stash-list` told it.
    #[serde(default)]
    pub oid: Option<String>,
    /// Leave it on the stash.
    #[serde(default)]
    pub keep: bool,
    /// Stage again what was staged; else all changes are unstaged, but for new files.
    #[serde(default)]
    pub restore_index: bool,
}

/// What was brought back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StashPopOutput {
    /// The commit that keeps the changes.
    pub oid: Option<String>,
    /// True when it is on the stash still.
    pub kept: bool,
    /// Files that did not fit; empty when it succeeded. Of very many only the first.
    pub conflicts: Vec<Conflict>,
    /// How many files did not fit.
    pub conflicts_total: u64,
}

impl Operation for StashPop {
    const NAME: &'static str = "stash-pop";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1"}"#;
    const UNDO: Undo = Undo::Snapshot;
    type Output = StashPopOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        stash::check(self.index, self.oid.as_deref())
    }

    fn endangers_files(&self) -> bool {
        true
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let run = |script: Script| {
            let mut plan = script.writing(context, Self::BUDGET, rounds);
            plan.scratch = Some(scratch(context));
            plan.env.extend(staging::identity(context, None, None));
            Decision::run(plan)
        };
        let script = self.script(context);
        match rounds {
            [] => run(script),
            [exits] if half_done(&script, exits) => run(self.back(context)),
            [exits] => self.read(&script, exits),
            [exits, back, ..] => {
                let failure = left_behind::of_exit(script.exit(exits, "pop"));
                let good = self.back(context).stopped_at(back).is_none();
                let side_effect = if good { SideEffect::None } else { SideEffect::Unknown };
                Failure { side_effect, ..failure }.into()
            }
        }
    }
}

impl StashPop {
    /// Lists the files of the stash that git did not know: its third parent keeps them. Fails where there are
    /// none.
    fn unknown_step(&self) -> Step {
        let parent = format!("{}^3", stash::name(self.index));
        Step::git(["ls-tree", "-r", "-z", "--name-only", "--full-tree", &parent]).may_fail()
    }

    /// Removes those again: none of them was there before.
    fn back(&self, context: &Context<'_>) -> Script {
        let listed = context.scratch("listed");
        let remove = room::inside(["xargs", "-0", "-r", "-a", &listed, "rm", "-f", "--"]);
        Script::default().step("listed", self.unknown_step().writing(&listed)).step("remove", remove)
    }

    fn script(&self, context: &Context<'_>) -> Script {
        let name = stash::name(self.index);
        let verb = if self.keep { "apply" } else { "pop" };
        let pop = Step::git(["stash", verb, "--quiet"]).with(self.restore_index.then_some("--index"));
        let script = stash::find(self.index, self.oid.as_deref()).step("unmerged", conflict::refuse_step());
        // git would bring back the changed files, then fail on an unknown one that is there already, and
        // leave the rest undone.
        listing::absent(script, context, self.unknown_step())
            .step("pop", pop.with([name]).may_fail())
            .step("conflicts", conflict::list_step())
            .step("latest-after", stash::latest_step())
    }

    fn read(&self, script: &Script, exits: &Exits) -> Decision<StashPopOutput> {
        if let Some(failure) = stash::missing(script, exits, self.index) {
            return failure.into();
        }
        let normally = exits.ended == Ended::Normally;
        match script.stopped_at(exits) {
            Some("unmerged") => return super::commit::unmerged(script.exit(exits, "unmerged")).into(),
            Some("absent") if normally => {
                let message = "A file of the stash that git did not know is there already.";
                return Failure::new(codes::UNTRACKED_OVERWRITTEN, message).into();
            }
            _ => {}
        }
        if let Some(failure) = left_behind::failure(script, exits, "pop") {
            return failure.into();
        }
        let output = StashPopOutput {
            oid: script.line(exits, "stash"),
            kept: self.keep || !script.ok(exits, "pop"),
            ..StashPopOutput::default()
        };
        if script.ok(exits, "pop") {
            return Done { refs_changed: stash::moved(script, exits), ..Done::with(output) }.into();
        }
        match conflict::read(script.exit(exits, "conflicts")) {
            conflicts if !conflicts.is_empty() => conflicted(&conflicts, output).into(),
            _ => left_behind::of_exit(script.exit(exits, "pop")).into(),
        }
    }
}

/// True when git refused to change files, and yet has brought back those that it did not know.
fn half_done(script: &Script, exits: &Exits) -> bool {
    script.stopped_at(exits).is_none()
        && !script.ok(exits, "pop")
        && script.ok(exits, "gone")
        && conflict::read(script.exit(exits, "conflicts")).is_empty()
}

fn conflicted(conflicts: &[Conflict], output: StashPopOutput) -> Failure {
    let message =
        format!("{} files have conflicts; they are marked, and the stash is kept.", conflicts.len());
    let told = conflict::told(conflicts);
    let output = StashPopOutput {
        conflicts: told.to_vec(),
        conflicts_total: u64::try_from(conflicts.len()).unwrap_or(u64::MAX),
        ..output
    };
    Failure {
        side_effect: SideEffect::Applied,
        output: Some(json!(output)),
        facts: vec![conflict::detected(told).into()],
        ..Failure::new(codes::MERGE_CONFLICT, message)
    }
}
