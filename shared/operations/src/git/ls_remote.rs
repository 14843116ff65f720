//! `ls-remote`: what a remote has, asked of the remote itself.

mod refs;

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::refs::RemoteRef;
use super::script::Script;
use super::workspace;
use crate::clean_room::{self, ROOM};
use crate::failure::codes;
use crate::page::{self, Page};
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remote, Remotes, Step,
    check,
};

/// Lists the branches, tags and other references of a remote, and which branch is its default. Asks the
/// workspace's remote, or a repository that is named: then the sandbox needs no workspace.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LsRemote {
    /// The sandbox to ask from.
    pub sandbox_id: String,
    /// The repository's URL, `https://host/owner/name`, without user name or token; the workspace's if not
    /// given.
    #[serde(default)]
    pub repo_url: Option<String>,
    /// Only references whose names end with one of these, in whole parts: `main`, `refs/heads/agent-*`. `*`
    /// stands for any characters, `?` for one.
    #[serde(default)]
    pub patterns: Vec<String>,
}

/// What the remote has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LsRemoteOutput {
    /// By name.
    pub refs: Vec<RemoteRef>,
    /// How many there are, on all pages.
    pub total: usize,
    /// The remote's default branch; `None` when it does not say.
    pub default_branch: Option<String>,
    /// The commit of the default branch; `None` when there is none yet.
    pub head: Option<String>,
    /// False when there are more than are listed on all pages: name patterns to see them.
    pub complete: bool,
    /// What is left out here.
    #[serde(flatten)]
    pub page: Page,
}

/// The most patterns of one request.
const PATTERNS_MAX: usize = 20;
/// What is kept of the remote's answer: some 120,000 references.
const LISTED_BYTES: usize = 8 << 20;

impl Operation for LsRemote {
    const NAME: &'static str = "ls-remote";
    const EFFECT: Effect = Effect::Reads;
    const BUDGET: Budget = Budget { output_bytes: LISTED_BYTES, ..Budget::REMOTE };
    const IN_WORKSPACE: bool = false;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "patterns": ["refs/heads/*"]}"#;
    const PAGES: bool = true;
    type Output = LsRemoteOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, remotes: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        if self.patterns.len() > PATTERNS_MAX {
            return Err(Rejection::argument("patterns", format!("must be at most {PATTERNS_MAX}")));
        }
        let mut patterns = self.patterns.iter().enumerate();
        patterns.try_for_each(|(index, text)| pattern(&format!("patterns[{index}]"), text))?;
        self.repo_url.as_deref().map_or(Ok(()), |url| remotes.admit("repo_url", url).map(drop))
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        let remote = match self.remote(context) {
            Ok(remote) => remote,
            Err(failure) => return failure.into(),
        };
        let script = self.script(context, &remote);
        let Some(exits) = rounds.first() else {
            let mut plan = script.talking(context, &remote, Self::BUDGET, rounds);
            plan.writes = false;
            return Decision::run(plan);
        };
        if let Some(failure) = script.failure(exits, SideEffect::None) {
            return failure.into();
        }
        let listed = script.exit(exits, "list").cloned().unwrap_or_default();
        let read = refs::read(&listed.text(), listed.omitted_bytes > 0);
        let paging = &context.envelope.page;
        let pins = vec![page::digest(&listed.stdout)];
        if let Err(failure) = paging.same(&pins) {
            return failure.into();
        }
        let mut output = LsRemoteOutput {
            total: read.refs.len(),
            default_branch: read.default_branch,
            head: read.head,
            complete: listed.omitted_bytes == 0,
            ..LsRemoteOutput::default()
        };
        let other = page::json_bytes(&output);
        (output.refs, output.page) = paging.cut(read.refs, &pins, other, |one| one.name.clone());
        Done::with(output).into()
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        Some(json!({"total": output.total, "default_branch": output.default_branch, "head": output.head}))
    }
}

impl LsRemote {
    fn remote(&self, context: &Context<'_>) -> Result<Remote, Box<Failure>> {
        let Some(url) = &self.repo_url else { return workspace::remote(context) };
        let admitted = context.remotes.admit("repo_url", url);
        admitted.map_err(|rejection| Failure::new(codes::TRANSPORT_FORBIDDEN, rejection.to_string()).into())
    }

    fn script(&self, context: &Context<'_>, remote: &Remote) -> Script {
        let room = context.scratch(ROOM);
        let make = Step::new(".", ["git", "init", "--quiet", "--bare", "--template=", &room]);
        let mut list =
            clean_room::git(context, remote, ["ls-remote", "--symref", "--end-of-options", remote.url()])
                .inside(".");
        // There need be no workspace to borrow objects from.
        list.argv.retain(|argument| !argument.starts_with("GIT_OBJECT_DIRECTORY="));
        if !self.patterns.is_empty() {
            list = list.with(["HEAD"]).with(self.patterns.iter().cloned());
        }
        Script::default().step("room", make).step("list", list)
    }
}

fn pattern(field: &str, text: &str) -> Result<(), Rejection> {
    let rule = "must be a reference's name or its end, in which '*' and '?' may stand";
    check::reference::revision(field, &text.replace(['*', '?'], "x"))
        .map_err(|rejection| Rejection { rule: rule.to_owned(), ..rejection })
}
