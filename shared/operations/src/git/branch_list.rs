//! `branch-list`: which branches there are.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::script::Script;
use super::workspace;
use crate::page::{Paging, digest, json_bytes};
use crate::{
    Budget, Context, Decision, Done, Exit, Exits, Failure, Operation, Page, Place, Rejection, Remotes, Step,
    check,
};

/// Lists branches, newest commit first: the workspace's own, or what is known of the remote's.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchList {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// The remote's branches as of the last clone, fetch or pull, and not the workspace's.
    #[serde(default)]
    pub remote: bool,
    /// The most branches on a page, 1 to 1000.
    #[serde(default = "hundred")]
    pub limit: u32,
}

/// Branches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BranchListOutput {
    /// Newest commit first.
    pub branches: Vec<Branch>,
    /// What is not on this page.
    #[serde(flatten)]
    pub page: Page,
}

/// One branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Branch {
    /// Its name; `origin/...` for the remote's.
    pub name: String,
    /// Its commit.
    pub oid: String,
    /// True when HEAD is on it.
    pub current: bool,
    /// The remote branch that it follows.
    pub upstream: Option<String>,
    /// The first line of the commit's message.
    pub subject: String,
    /// When the commit was made, ISO 8601.
    pub committed_at: String,
}

/// The most branches in one answer.
const LIMIT_MAX: u32 = 1000;
/// What the answer takes besides branches.
const FRAME_BYTES: usize = 200;
const SUBJECT_BYTES_MAX: usize = 500;
const FORMAT: &str = "--format=%(refname)%00%(objectname)%00%(HEAD)%00%(upstream:short)%00\
                      %(committerdate:iso-strict)%00%(contents:subject)";

fn hundred() -> u32 {
    100
}

impl Operation for BranchList {
    const NAME: &'static str = "branch-list";
    const EFFECT: Effect = Effect::Reads;
    const PAGES: bool = true;
    const BUDGET: Budget = Budget { output_bytes: 32 << 20, ..Budget::LOCAL };
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1"}"#;
    type Output = BranchListOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        if (1..=LIMIT_MAX).contains(&self.limit) {
            return Ok(());
        }
        Err(Rejection::argument("limit", "must be 1 to 1000"))
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let kept = if self.remote { "refs/remotes/origin/" } else { "refs/heads/" };
        let list = ["for-each-ref", "--sort=-committerdate", FORMAT, kept];
        let script = Script::default().step("list", Step::git(list));
        let Some(exits) = rounds.first() else {
            return Decision::run(script.reading(context, Self::BUDGET, rounds));
        };
        if let Some(failure) = script.failure(exits, SideEffect::None) {
            return failure.into();
        }
        let exit = exits.get(0).cloned().unwrap_or_default();
        self.read(&exit, &context.envelope.page)
            .map_or_else(Decision::from, |output| Done::with(output).into())
    }

    fn recorded_output(output: &Self::Output) -> Option<Value> {
        Some(json!({"branches": output.branches.len(), "truncated": output.page.truncated}))
    }
}

impl BranchList {
    fn read(&self, exit: &Exit, paging: &Paging) -> Result<BranchListOutput, Box<Failure>> {
        let pins = [digest(&exit.stdout)];
        paging.same(&pins)?;
        let mut branches: Vec<Branch> = parse(exit).into_iter().skip(paging.skip()).collect();
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = branches.len() > limit;
        branches.truncate(limit);
        let name = |branch: &Branch| branch.name.clone();
        let (branches, mut page) = paging.window(branches, more, &pins, FRAME_BYTES, json_bytes, name);
        page.truncated |= exit.omitted_bytes > 0;
        Ok(BranchListOutput { branches, page })
    }
}

/// One line per branch, six fields; a line that is not whole is left out.
fn parse(exit: &Exit) -> Vec<Branch> {
    let branch = |line: &str| {
        let fields: Vec<&str> = line.split('\0').collect();
        let &[name, oid, head, upstream, date, subject] = fields.as_slice() else { return None };
        let short = name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/remotes/"))?;
        Some(Branch {
            name: short.to_owned(),
            oid: oid.to_owned(),
            current: head == "*",
            upstream: Some(upstream.to_owned()).filter(|upstream| !upstream.is_empty()),
            subject: check::text::start(subject, SUBJECT_BYTES_MAX),
            committed_at: workspace::date(date),
        })
    };
    exit.text().lines().filter_map(branch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::noise::noise;

    #[test]
    fn a_branch_may_have_no_upstream() {
        let stdout = b"refs/heads/a/b\0oid\0*\0\0date\0a subject\nrefs/heads/cut\0oid\n".to_vec();
        let branches = parse(&Exit { stdout, ..Exit::default() });
        assert_eq!(branches.len(), 1);
        assert_eq!((branches[0].name.as_str(), branches[0].current), ("a/b", true));
        assert_eq!(branches[0].upstream, None);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for stdout in noise(1000, b"refs/heads/\0\0\0\0\n*\xff") {
            parse(&Exit { stdout, ..Exit::default() });
        }
    }
}
