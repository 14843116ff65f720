//! `init`: an empty repository for an agent, in a sandbox.

use gitledger_events::operation::{Effect, SideEffect};
use gitledger_events::sandbox::WorkspaceOpened;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::clone::script as opening;
use super::script::{Script, scratch};
use crate::context::WORKSPACE;
use crate::failure::{classify, codes};
use crate::plan::Ended;
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, check,
};

/// Opens an empty repository in a sandbox, whose remote is the given one. The remote is not asked: whether
/// it exists shows at the first push. Refused where the task has files or commits in a sandbox already.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Init {
    /// The URL that will be pushed to, `https://host/owner/name`, without user name or token.
    pub repo_url: String,
    /// Your name for the agent.
    pub agent_id: String,
    /// Your name for the agent's task.
    pub task_id: String,
    /// The branch that the first commit begins.
    #[serde(default = "main")]
    pub initial_branch: String,
}

/// The empty repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InitOutput {
    /// The sandbox: name it in every further operation.
    pub sandbox_id: String,
    /// The branch, on which HEAD is.
    pub branch: String,
    /// The remote.
    pub repo_url: String,
    /// The absolute path inside the sandbox.
    pub workspace_path: String,
}

fn main() -> String {
    "main".to_owned()
}

impl Operation for Init {
    const NAME: &'static str = "init";
    const EFFECT: Effect = Effect::Writes;
    // A sandbox may have to be made.
    const BUDGET: Budget = Budget::REMOTE;
    const IN_WORKSPACE: bool = false;
    const OPENS_SANDBOX: bool = true;
    const EXAMPLE: &'static str =
        r#"{"repo_url": "https://github.com/octocat/hello-world", "agent_id": "a1", "task_id": "t1"}"#;
    type Output = InitOutput;

    fn place(&self) -> Place<'_> {
        Place::Opens { repo_url: &self.repo_url, agent_id: &self.agent_id, task_id: &self.task_id }
    }

    fn check(&self, remotes: &Remotes) -> Result<(), Rejection> {
        remotes.admit("repo_url", &self.repo_url)?;
        check::text::id("agent_id", &self.agent_id)?;
        check::text::id("task_id", &self.task_id)?;
        check::reference::branch("initial_branch", &self.initial_branch)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        let remote = match context.remotes.admit("repo_url", &self.repo_url) {
            Ok(remote) => remote,
            Err(rejection) => return Failure::new(codes::TRANSPORT_FORBIDDEN, rejection.to_string()).into(),
        };
        let script = opening::open_empty(nothing_there(), context, &self.initial_branch);
        let Some(exits) = rounds.first() else {
            let mut plan = script.writing(context, Self::BUDGET, rounds);
            plan.scratch = Some(scratch(context));
            plan.uploads.push(opening::config(context, &remote, &self.initial_branch, None));
            return Decision::run(plan);
        };
        match script.stopped_at(exits) {
            None => self.done(context, &script.line(exits, "path").unwrap_or_default()).into(),
            Some("no-references" | "no-files") if exits.ended == Ended::Normally => {
                let message = "There are files or commits in the task's sandbox already.";
                let output = Some(json!({ "sandbox_id": context.sandbox_id }));
                Failure { output, ..Failure::new(codes::DESTINATION_NOT_EMPTY, message) }.into()
            }
            Some(_) => classify(exits, SideEffect::Unknown).into(),
        }
    }
}

impl Init {
    fn done(&self, context: &Context<'_>, path: &str) -> Done<InitOutput> {
        Done {
            opened: Some(WorkspaceOpened {
                path: path.to_owned(),
                repo_url: self.repo_url.clone(),
                base_branch: self.initial_branch.clone(),
                branch: self.initial_branch.clone(),
            }),
            ..Done::with(InitOutput {
                sandbox_id: context.sandbox_id.to_owned(),
                branch: self.initial_branch.clone(),
                repo_url: self.repo_url.clone(),
                workspace_path: path.to_owned(),
            })
        }
    }
}

/// Ends the plan with 1 unless the workspace is new or empty. The first steps of a plan.
fn nothing_there() -> Script {
    let empty = |step| Step::new(".", ["test", "-z"]).given(step);
    let references = ["git", "-C", WORKSPACE, "for-each-ref", "--count=1", "--format=%(refname)"];
    let files = ["find", WORKSPACE, "-mindepth", "1", "-maxdepth", "1", "!", "-name", ".git"];
    Script::default()
        // Fails where there is no repository.
        .step("references", Step::new(".", references).may_fail())
        .step("no-references", empty(0))
        // Fails where there is no folder.
        .step("files", Step::new(".", files).with(["-print", "-quit"]).may_fail())
        .step("no-files", empty(2))
}
