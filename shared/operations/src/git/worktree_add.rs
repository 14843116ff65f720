//! `worktree-add`: a second working copy, on another branch.

use gitledger_events::operation::{Effect, RefChange, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::{left_behind, revision, workspace, worktree};
use crate::failure::codes;
use crate::plan::Ended;
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, check,
};

/// Makes a second working copy of the workspace's repository, on a branch of its own, at
/// `worktrees/<name>` beside the workspace. It is for programs that run in the sandbox: to build, test or
/// compare another branch while the workspace stays as it is. Both share commits, branches and the stash,
/// so what is committed there can be merged and pushed here at once.
///
/// All other operations work in the workspace and not in this copy. While it exists, its branch cannot be
/// switched to in the workspace. The next clone into this sandbox removes it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorktreeAdd {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The copy's name, which is its folder's too.
    pub name: String,
    /// The branch that is written there.
    pub branch: String,
    /// Make the branch first.
    #[serde(default)]
    pub create: bool,
    /// Where the new branch starts: HEAD, a branch (`origin/main` for the remote's), a tag or an object
    /// id. Only with `create`; HEAD if not given.
    #[serde(default)]
    pub start_point: Option<String>,
}

/// The second working copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorktreeAddOutput {
    /// Its name.
    pub name: String,
    /// Its absolute path inside the sandbox.
    pub path: String,
    /// Its branch.
    pub branch: String,
    /// The branch's commit.
    pub head: Option<String>,
    /// True when the branch was made.
    pub created: bool,
}

impl Operation for WorktreeAdd {
    const NAME: &'static str = "worktree-add";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "name": "side", "branch": "side", "create": true}"#;
    type Output = WorktreeAddOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        worktree::check_name(&self.name)?;
        check::reference::branch("branch", &self.branch)?;
        match &self.start_point {
            Some(_) if !self.create => Err(Rejection::argument("start_point", "needs 'create'")),
            Some(start) => check::reference::revision("start_point", start),
            None => Ok(()),
        }
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let script = self.script();
        match rounds.first() {
            None => Decision::run(script.writing(context, Self::BUDGET, rounds)),
            Some(exits) => self.read(&script, exits),
        }
    }
}

impl WorktreeAdd {
    /// What the branch is made from, or is.
    fn start(&self) -> String {
        let start = || self.start_point.clone().unwrap_or_else(|| "HEAD".to_owned());
        if self.create { start() } else { self.reference() }
    }

    fn reference(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    fn script(&self) -> Script {
        // The number of the step that finds out the commit.
        const START: usize = 0;
        let add = Step::git(["worktree", "add", "--quiet", "--checkout", "--no-guess-remote"]);
        let path = worktree::path(&self.name);
        let add = if self.create {
            add.with(["--no-track", "-b", &self.branch, &path]).given(START)
        } else {
            add.with([&path, &self.branch])
        };
        let oid = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
        let oid = || Step::git(oid).with([self.reference()]).may_fail();
        Script::default()
            .step("start", revision::step(&self.start()))
            .step("prune", worktree::prune_step())
            .step("before", oid())
            .step("add", add.may_fail())
            .step("after", oid())
            .step("path", worktree::inside(&self.name, ["rev-parse", "--show-toplevel"]).may_fail())
    }

    fn read(&self, script: &Script, exits: &Exits) -> Decision<WorktreeAddOutput> {
        if script.stopped_at(exits) == Some("start") && exits.ended == Ended::Normally {
            return match &self.start_point {
                None if self.create => revision::missing("HEAD").into(),
                Some(start) => revision::missing(start).into(),
                None => {
                    let message = format!("There is no branch {:?}.", self.branch);
                    Failure::new(codes::REF_NOT_FOUND, message).into()
                }
            };
        }
        if let Some(failure) = left_behind::failure(script, exits, "add") {
            return failure.into();
        }
        let (before, after) = (script.line(exits, "before"), script.line(exits, "after"));
        if !script.ok(exits, "add") {
            let failure = left_behind::of_exit(script.exit(exits, "add"));
            // git takes the folder away again when it fails, but not the branch that it has made.
            let side_effect = if before == after { failure.side_effect } else { SideEffect::Applied };
            return Failure { side_effect, ..failure }.into();
        }
        let made = RefChange { name: self.reference(), old: None, new: after.clone() };
        Done {
            refs_changed: if self.create { vec![made] } else { Vec::new() },
            ..Done::with(WorktreeAddOutput {
                name: self.name.clone(),
                path: script.line(exits, "path").unwrap_or_default(),
                branch: self.branch.clone(),
                head: after,
                created: self.create,
            })
        }
        .into()
    }
}
