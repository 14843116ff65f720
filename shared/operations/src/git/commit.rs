//! `commit`: records what is staged.

use gitledger_events::operation::{Effect, RefChange, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::script::Script;
use super::{conflict, staging, workspace};
use crate::failure::{classify_exit, codes};
use crate::{
    Budget, Context, Decision, Done, Exit, Exits, Failure, Operation, Place, Rejection, Remotes, Step, check,
};

/// Commits what is staged; files named here, or everything, are staged first. A repeat of the same request
/// makes the same commit. Hooks do not run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The commit's message.
    pub message: String,
    /// Paths to stage first, relative to the workspace, taken literally.
    #[serde(default)]
    pub files: Vec<String>,
    /// Stage everything that is changed, new or deleted first.
    #[serde(default)]
    pub all: bool,
    /// The author's name; the agent's id if not given.
    #[serde(default)]
    pub author_name: Option<String>,
    /// The author's address; one made of the agent's id if not given.
    #[serde(default)]
    pub author_email: Option<String>,
    /// Commit even if nothing is staged.
    #[serde(default)]
    pub allow_empty: bool,
}

/// The new commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitOutput {
    /// The commit's whole id.
    pub commit_hash: String,
    /// As much of it as is unique here.
    pub short_hash: String,
    /// The branch; `None` when HEAD is detached.
    pub branch: Option<String>,
    /// The first parent; `None` for the first commit.
    pub parent: Option<String>,
    /// How many files differ from the first parent.
    pub files_changed: u64,
    /// Lines added; binary files count for nothing.
    pub insertions: u64,
    /// Lines removed; binary files count for nothing.
    pub deletions: u64,
}

impl Operation for Commit {
    const NAME: &'static str = "commit";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const UNDO: crate::Undo = crate::Undo::References;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "message": "Add notes", "all": true}"#;
    type Output = CommitOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::text::message("message", &self.message)?;
        check::path::paths("files", &self.files)?;
        if self.all && !self.files.is_empty() {
            return Err(Rejection::argument("all", "must not be set together with 'files'"));
        }
        staging::check_identity("author_name", self.author_name.as_deref())?;
        staging::check_identity("author_email", self.author_email.as_deref())
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let script = self.script();
        match rounds.first() {
            None => {
                let mut plan = script.writing(context, Self::BUDGET, rounds);
                let email = self.author_email.as_deref();
                plan.env.extend(staging::identity(context, self.author_name.as_deref(), email));
                Decision::run(plan)
            }
            Some(exits) => self.read(&script, exits),
        }
    }

    fn recorded_input(&self) -> serde_json::Value {
        json!({
            "sandbox_id": self.sandbox_id,
            "message": check::text::printable_tail(self.message.lines().next().unwrap_or_default(), 200),
            "files": self.files.len(),
            "all": self.all,
            "allow_empty": self.allow_empty,
        })
    }
}

impl Commit {
    fn script(&self) -> Script {
        let stage = (self.all || !self.files.is_empty()).then(|| staging::add_step(&self.files, self.all));
        Script::default()
            .maybe("add", stage)
            .step("unmerged", conflict::refuse_step())
            .step("before", Step::git(["rev-parse", "--verify", "--quiet", "HEAD"]).may_fail())
            .step("staged", staging::staged_step())
            .step("commit", staging::commit_step(&self.message, self.allow_empty).may_fail())
            .step("head", workspace::head_step())
            .step("stat", stat_step())
    }

    fn read(&self, script: &Script, exits: &Exits) -> Decision<CommitOutput> {
        match script.stopped_at(exits) {
            Some("unmerged") => return unmerged(script.exit(exits, "unmerged")).into(),
            // Nothing to show of a repository without commits.
            Some("stat") | None if !script.ok(exits, "commit") => {
                let nothing = script.ok(exits, "staged") && !self.allow_empty;
                return refused(script.exit(exits, "commit"), nothing).into();
            }
            None => {}
            Some(at) => {
                let touched = if script.ok(exits, "commit") { SideEffect::Unknown } else { SideEffect::None };
                let touched = if at == "commit" { SideEffect::Unknown } else { touched };
                return crate::failure::classify(exits, touched).into();
            }
        }
        let before = script.line(exits, "before");
        let head = workspace::head(script, exits, "head");
        let output = CommitOutput { branch: head.branch.clone(), ..stat(script.exit(exits, "stat")) };
        let name = head.branch.map_or_else(|| "HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
        Done {
            head_before: before.clone(),
            head_after: head.oid.clone(),
            refs_changed: vec![RefChange { name, old: before, new: head.oid }],
            ..Done::with(output)
        }
        .into()
    }
}

/// The failure of a commit that was refused.
pub(super) fn refused(commit: Option<&Exit>, nothing_staged: bool) -> Failure {
    if nothing_staged {
        return Failure::new(codes::NOTHING_TO_COMMIT, "Nothing is staged.");
    }
    classify_exit(&commit.cloned().unwrap_or_default(), SideEffect::None)
}

/// The failure of an index with conflicts; `check` is the step that found them.
pub(super) fn unmerged(check: Option<&Exit>) -> Failure {
    match check {
        Some(exit) if exit.code == 1 => {
            Failure::new(codes::UNMERGED_PATHS, "Files with conflicts are not resolved.")
        }
        exit => classify_exit(&exit.cloned().unwrap_or_default(), SideEffect::None),
    }
}

fn stat_step() -> Step {
    let argv = ["log", "-1", "-z", "--format=%H%x00%h%x00%P", "--numstat", "--diff-merges=first-parent"];
    let plain = ["--no-ext-diff", "--no-textconv", "--no-renames", "--no-show-signature", "--no-notes"];
    Step::git(argv.into_iter().chain(plain).chain([
        "--no-mailmap",
        "--no-decorate",
        "--no-color",
        "HEAD",
        "--",
    ]))
}

/// `<id> NUL <short id> NUL <parents> NUL`, then `<added> TAB <removed> TAB <path> NUL` for each file.
fn stat(exit: Option<&Exit>) -> CommitOutput {
    let text = exit.map(Exit::text).unwrap_or_default();
    let mut fields = text.split('\0');
    let mut next = || fields.next().unwrap_or_default().trim().to_owned();
    let mut output = CommitOutput { commit_hash: next(), short_hash: next(), ..CommitOutput::default() };
    output.parent = next().split_whitespace().next().map(str::to_owned);
    for field in fields {
        let mut columns = field.trim_start_matches('\n').splitn(3, '\t');
        let (Some(added), Some(removed), Some(_)) = (columns.next(), columns.next(), columns.next()) else {
            continue;
        };
        output.files_changed += 1;
        output.insertions = output.insertions.saturating_add(added.parse().unwrap_or(0));
        output.deletions = output.deletions.saturating_add(removed.parse().unwrap_or(0));
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::noise::noise;

    #[test]
    fn files_and_lines_are_counted_and_a_binary_file_has_no_lines() {
        let stdout = b"aa\0a\0p1 p2\0\n3\t1\tf\0-\t-\tbin\0".to_vec();
        let output = stat(Some(&Exit { stdout, ..Exit::default() }));
        assert_eq!((output.files_changed, output.insertions, output.deletions), (2, 3, 1));
        assert_eq!(output.parent.as_deref(), Some("p1"));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for stdout in noise(1000, b"12-\t\0\n a\xff") {
            stat(Some(&Exit { stdout, ..Exit::default() }));
        }
    }
}
