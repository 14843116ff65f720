//! `stash-push`: puts changes that are not committed aside.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::{conflict, left_behind, listing, revision, room, staging, stash, workspace};
use crate::context::WORKSPACE;
use crate::failure::codes;
use crate::plan::Ended;
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, Undo, check,
};

/// Puts changes that are not committed aside, onto the stash, and the files back to HEAD. `stash-pop` brings
/// them back. With nothing to put aside it does nothing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StashPush {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// What it is about; one made of HEAD's commit if not given.
    #[serde(default)]
    pub message: Option<String>,
    /// Only these paths, relative to the workspace and taken literally.
    #[serde(default)]
    pub files: Vec<String>,
    /// Files too that git does not know and does not ignore.
    #[serde(default)]
    pub include_untracked: bool,
    /// What is staged stays as it is, besides being put aside.
    #[serde(default)]
    pub keep_index: bool,
}

/// The stash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StashPushOutput {
    /// The commit that keeps the changes; `None` when there were none.
    pub oid: Option<String>,
    /// False when there was nothing to put aside.
    pub changed: bool,
}

/// The longest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 1000;

impl Operation for StashPush {
    const NAME: &'static str = "stash-push";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "message": "half a thought"}"#;
    const UNDO: Undo = Undo::Snapshot;
    type Output = StashPushOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        if let Some(message) = &self.message {
            check::text::message("message", message)?;
            if message.len() > MESSAGE_BYTES_MAX || message.contains(['\n', '\r']) {
                let rule = format!("must be one line of at most {MESSAGE_BYTES_MAX} bytes");
                return Err(Rejection::argument("message", rule));
            }
        }
        check::path::paths("files", &self.files)
    }

    fn endangers_files(&self) -> bool {
        true
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let script = self.script();
        let Some(exits) = rounds.first() else {
            let mut plan = script.writing(context, Self::BUDGET, rounds);
            plan.env.extend(staging::identity(context, None, None));
            return Decision::run(plan);
        };
        match script.stopped_at(exits) {
            Some("head") if exits.ended == Ended::Normally => return revision::missing("HEAD").into(),
            Some("unmerged") => return super::commit::unmerged(script.exit(exits, "unmerged")).into(),
            Some("no-merge") if exits.ended == Ended::Normally => {
                let message = "A merge is not finished, and a stash would forget it.";
                return Failure::new(codes::OPERATION_IN_PROGRESS, message).into();
            }
            _ => {}
        }
        if let Some(failure) = left_behind::failure(&script, exits, "push") {
            return failure.into();
        }
        let refs_changed = stash::moved(&script, exits);
        if !script.ok(exits, "push") {
            // The stash is made before the files are put back.
            let failure = left_behind::of_exit(script.exit(exits, "push"));
            let made = if refs_changed.is_empty() { failure.side_effect } else { SideEffect::Unknown };
            return Failure { side_effect: made, ..failure }.into();
        }
        let oid = refs_changed.first().and_then(|change| change.new.clone());
        Done { refs_changed, ..Done::with(StashPushOutput { changed: oid.is_some(), oid }) }.into()
    }
}

impl StashPush {
    fn script(&self) -> Script {
        let index = if self.keep_index { "--keep-index" } else { "--no-keep-index" };
        let untracked = if self.include_untracked { "--include-untracked" } else { "--no-include-untracked" };
        // git itself says `:/` to the commands that it starts for a stash, so here the caller's paths are
        // made literal one by one.
        let push =
            Step::new(WORKSPACE, ["env", "GIT_LITERAL_PATHSPECS=0", "git", "stash", "push", "--quiet"]);
        let push = push.with([index, untracked]);
        let push = push.with(self.message.as_ref().map(|message| format!("--message={}", message.trim())));
        let files: Vec<_> = self.files.iter().map(|path| format!(":(top,literal){path}")).collect();
        let push = if files.is_empty() { push } else { listing::with_paths(push, &files) };
        Script::default()
            .step("head", revision::step("HEAD"))
            .step("unmerged", conflict::refuse_step())
            .step("no-merge", room::inside(["test", "!", "-e", ".git/MERGE_HEAD"]))
            .step("latest-before", stash::latest_step())
            .step("push", push.may_fail())
            .step("latest-after", stash::latest_step())
    }
}
