//! `clone`: a working copy for an agent, in a new sandbox or in one that has the repository already.

mod config;
pub(super) mod script;
mod tips;

use gitledger_events::operation::{Effect, RefChange, SideEffect};
use gitledger_events::sandbox::WorkspaceOpened;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::tips::Tips;
use super::script::Script;
use crate::failure::{classify, codes};
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remote, Remotes, check,
};

/// Opens a working copy of a repository in a sandbox and starts a branch `agent-<agent_id>-<task_id>` in
/// it. A sandbox that has the repository already is brought up to date and reset: what was not pushed is
/// lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clone {
    /// The repository's URL, `https://host/owner/name`, without user name or token.
    pub repo_url: String,
    /// The branch to start from; the remote's default branch if not given.
    #[serde(default)]
    pub branch: Option<String>,
    /// Your name for the agent.
    pub agent_id: String,
    /// Your name for the agent's task.
    pub task_id: String,
    /// Only the last commit of the one branch. The same as `depth` 1.
    #[serde(default)]
    pub shallow: bool,
    /// Only the last commits of the one branch: from 1.
    #[serde(default)]
    pub depth: Option<u32>,
    /// Start from this tag or whole commit id, and not from the branch's tip.
    #[serde(default)]
    pub revision: Option<String>,
    /// Leave out what is not needed now: `blob:none`, `tree:0` or `blob:limit=<n>[k|m|g]`. Files of other
    /// commits are then missing; operations that need them fail with `lazy-fetch-failed`.
    #[serde(default)]
    pub filter: Option<String>,
}

/// The working copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloneOutput {
    /// The sandbox: name it in every further operation.
    pub sandbox_id: String,
    /// The agent's own branch, on which HEAD is.
    pub agent_branch: String,
    /// The branch it started from.
    pub base_branch: String,
    /// Where it came from.
    pub repo_url: String,
    /// The absolute path inside the sandbox.
    pub workspace_path: String,
    /// HEAD's commit; `None` when the repository is empty.
    pub head: Option<String>,
    /// True when the history is not whole.
    pub shallow: bool,
    /// True when the remote has no commits yet: the first push makes the first branch.
    pub empty_repository: bool,
}

/// The base branch of a repository that has none yet.
const FIRST_BRANCH: &str = "main";

impl Operation for Clone {
    const NAME: &'static str = "clone";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::REMOTE;
    const IN_WORKSPACE: bool = false;
    const OPENS_SANDBOX: bool = true;
    const EXAMPLE: &'static str =
        r#"{"repo_url": "https://github.com/octocat/hello-world", "agent_id": "a1", "task_id": "t1"}"#;
    type Output = CloneOutput;

    fn place(&self) -> Place<'_> {
        Place::Opens { repo_url: &self.repo_url, agent_id: &self.agent_id, task_id: &self.task_id }
    }

    fn check(&self, remotes: &Remotes) -> Result<(), Rejection> {
        remotes.admit("repo_url", &self.repo_url)?;
        check::text::id("agent_id", &self.agent_id)?;
        check::text::id("task_id", &self.task_id)?;
        self.branch.as_deref().map_or(Ok(()), |branch| check::reference::branch("branch", branch))?;
        if self.depth == Some(0) {
            return Err(Rejection::argument("depth", "must be at least 1"));
        }
        if self.revision.as_deref().is_some_and(|text| check::reference::branch("revision", text).is_err()) {
            return Err(Rejection::argument("revision", "must be a tag or a whole commit id"));
        }
        match self.filter.as_deref() {
            Some(filter) if !is_filter(filter) => {
                Err(Rejection::argument("filter", "must be blob:none, tree:0 or blob:limit=<n>[k|m|g]"))
            }
            _ => Ok(()),
        }
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        let remote = match context.remotes.admit("repo_url", &self.repo_url) {
            Ok(remote) => remote,
            Err(rejection) => {
                return Failure::new(codes::TRANSPORT_FORBIDDEN, rejection.to_string()).into();
            }
        };
        let turn = Turn { clone: self, context, remote: &remote, rounds };
        match (&self.branch, rounds) {
            (None, []) => turn.ask(),
            (None, [asked, rest @ ..]) => match turn.answered(asked) {
                Ok(Tips::Branch(base)) => turn.open(&base, rest),
                Ok(Tips::Empty) => turn.open_empty(FIRST_BRANCH, rest),
                Err(failure) => failure.into(),
            },
            (Some(base), rounds) => turn.open(base, rounds),
        }
    }
}

impl Clone {
    fn agent_branch(&self) -> String {
        format!("agent-{}-{}", self.agent_id, self.task_id)
    }

    fn depth(&self) -> Option<u32> {
        self.depth.or(self.shallow.then_some(1))
    }
}

/// What one call of `decide` knows.
struct Turn<'a> {
    clone: &'a Clone,
    context: &'a Context<'a>,
    remote: &'a Remote,
    rounds: &'a [Exits],
}

impl Turn<'_> {
    /// What does the remote have?
    fn ask(&self) -> Decision<CloneOutput> {
        let script = script::ask(self.context, self.remote);
        Decision::run(script.talking(self.context, self.remote, Clone::BUDGET, self.rounds))
    }

    fn answered(&self, asked: &Exits) -> Result<Tips, Box<Failure>> {
        let script = script::ask(self.context, self.remote);
        if let Some(failure) = script.failure(asked, SideEffect::None) {
            return Err(failure.into());
        }
        let tips = tips::read(&script.exit(asked, "tips").cloned().unwrap_or_default().text());
        if let Tips::Branch(name) = &tips
            && check::reference::branch("branch", name).is_err()
        {
            let message = "The remote's default branch has no usable name.";
            return Err(Failure::new(codes::INVALID_REF, message).into());
        }
        Ok(tips)
    }

    fn open(&self, base: &str, rounds: &[Exits]) -> Decision<CloneOutput> {
        let script = script::open(self.clone, self.context, self.remote, base);
        let Some(exits) = rounds.first() else {
            let mut plan = script.talking(self.context, self.remote, Clone::BUDGET, self.rounds);
            plan.uploads = script::uploads(self.clone, self.context, self.remote);
            return Decision::run(plan);
        };
        let Some(stopped) = script.stopped_at(exits) else {
            let path = script.line(exits, "path").unwrap_or_default();
            let said = script.line(exits, "head").unwrap_or_default();
            let (shallow, head) = said.split_once('\n').unwrap_or_default();
            return self.done(base, &path, Some(head.to_owned()), shallow == "true");
        };
        let failure = classify(exits, SideEffect::None);
        // Either the branch is missing, or every branch is: an empty repository may be cloned.
        let missing = stopped == "start" || failure.code == codes::REF_NOT_FOUND;
        if self.clone.branch.is_none() || !missing {
            let touched = script::touched(stopped);
            return Failure { side_effect: touched, ..failure }.into();
        }
        match &rounds[1..] {
            [] => self.ask(),
            [asked, rest @ ..] => match self.answered(asked) {
                Ok(Tips::Empty) => self.open_empty(base, rest),
                Ok(Tips::Branch(_)) => {
                    let what = self.clone.revision.as_deref().unwrap_or(base);
                    Failure::new(codes::REF_NOT_FOUND, format!("The remote has no {what:?}.")).into()
                }
                Err(failure) => failure.into(),
            },
        }
    }

    fn open_empty(&self, base: &str, rounds: &[Exits]) -> Decision<CloneOutput> {
        let script = script::open_empty(Script::default(), self.context, &self.clone.agent_branch());
        let Some(exits) = rounds.first() else {
            let mut plan = script.writing(self.context, Clone::BUDGET, self.rounds);
            plan.scratch = Some(super::script::scratch(self.context));
            plan.uploads = script::uploads(self.clone, self.context, self.remote);
            return Decision::run(plan);
        };
        match script.failure(exits, SideEffect::Unknown) {
            Some(failure) => failure.into(),
            None => self.done(base, &script.line(exits, "path").unwrap_or_default(), None, false),
        }
    }

    fn done(&self, base: &str, path: &str, head: Option<String>, shallow: bool) -> Decision<CloneOutput> {
        let branch = self.clone.agent_branch();
        let moved = RefChange { name: format!("refs/heads/{branch}"), old: None, new: head.clone() };
        Done {
            head_after: head.clone(),
            refs_changed: if head.is_some() { vec![moved] } else { Vec::new() },
            opened: Some(WorkspaceOpened {
                path: path.to_owned(),
                repo_url: self.clone.repo_url.clone(),
                base_branch: base.to_owned(),
                branch: branch.clone(),
            }),
            ..Done::with(CloneOutput {
                sandbox_id: self.context.sandbox_id.to_owned(),
                agent_branch: branch,
                base_branch: base.to_owned(),
                repo_url: self.clone.repo_url.clone(),
                workspace_path: path.to_owned(),
                empty_repository: head.is_none(),
                head,
                shallow,
            })
        }
        .into()
    }
}

fn is_filter(text: &str) -> bool {
    let limit = |text: &str| {
        let digits = text.strip_suffix(['k', 'm', 'g']).unwrap_or(text);
        (1..=12).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    matches!(text, "blob:none" | "tree:0") || text.strip_prefix("blob:limit=").is_some_and(limit)
}
