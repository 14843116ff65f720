//! `doctor`: what the sandbox's git can do, and whether the workspace is well.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::workspace;
use crate::{Budget, Context, Decision, Done, Exit, Exits, Operation, Place, Rejection, Remotes, Step};

/// Looks over a sandbox and its workspace: the versions of git and its companions, which features they have, how much room
/// there is, and whether the workspace is in the middle of something. For the permission to push, ask `push`
/// with `dry_run`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Doctor {
    /// The sandbox to look over.
    pub sandbox_id: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoctorOutput {
    /// git's version, for example `2.47.3`.
    pub git_version: Option<String>,
    /// git-lfs's own words; `None` when there is none.
    pub lfs: Option<String>,
    /// ssh's own words; `None` when there is none.
    pub ssh: Option<String>,
    /// gpg's own words; `None` when there is none.
    pub gpg: Option<String>,
    /// What depends on git's version.
    pub features: Vec<Feature>,
    /// Bytes that are free where the workspace is.
    pub free_bytes: Option<u64>,
    /// HEAD's commit.
    pub head: Option<String>,
    /// True when the history ends before its beginning.
    pub shallow: bool,
    /// Objects that `git fsck` misses or cannot read; empty when the workspace is well.
    pub damage: Vec<String>,
    /// Lock files in the workspace. One that no process holds is removed by the next operation that writes.
    pub locks: Vec<String>,
    /// Advice, in order of weight; empty when all is well.
    pub advice: Vec<String>,
}

/// Something that git can do from some version on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Feature {
    /// What.
    pub name: String,
    /// From which version on.
    pub since: String,
    /// Whether this git has it.
    pub available: bool,
}

/// What of git's newer abilities matters here.
const FEATURES: &[(&str, (u32, u32))] = &[
    ("settings from the environment (GIT_CONFIG_COUNT)", (2, 31)),
    ("merge previews (merge-tree --write-tree)", (2, 38)),
    ("rebase, cherry-pick and revert previews (merge-tree --merge-base)", (2, 40)),
    ("attributes from a tree (GIT_ATTR_SOURCE)", (2, 41)),
    ("no fetching of missing objects behind one's back (GIT_NO_LAZY_FETCH)", (2, 45)),
    ("clone of one revision (clone --revision)", (2, 49)),
];
/// The oldest git with which every operation works.
const FLOOR: (u32, u32) = (2, 39);
/// Less room than this is worth a word.
const FREE_BYTES_LOW: u64 = 256 << 20;
const DAMAGE_MAX: usize = 20;

impl Operation for Doctor {
    const NAME: &'static str = "doctor";
    const EFFECT: Effect = Effect::Reads;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1"}"#;
    type Output = DoctorOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        let script = script(context.workspace.is_some());
        let Some(exits) = rounds.first() else {
            return Decision::run(script.reading(context, Self::BUDGET, rounds));
        };
        match script.failure(exits, SideEffect::None) {
            Some(failure) => failure.into(),
            None => Done::with(read(&script, exits)).into(),
        }
    }
}

fn script(has_workspace: bool) -> Script {
    let home = |argv: &[&str]| Step::new(".", argv.iter().copied()).may_fail();
    let script = Script::default()
        .step("git", Step::new(".", ["git", "version"]))
        .step("lfs", home(&["git-lfs", "version"]))
        .step("ssh", home(&["ssh", "-V"]))
        .step("gpg", home(&["gpg", "--version"]))
        .step("room", home(&["df", "--output=avail", "-B1", "."]));
    if !has_workspace {
        return script;
    }
    script
        .step("head", workspace::head_step())
        .step("shallow", Step::git(["rev-parse", "--is-shallow-repository"]).may_fail())
        .step("locks", super::room::inside(["find", ".git", "-name", "*.lock", "-print0"]).may_fail())
        .step("fsck", Step::git(["fsck", "--connectivity-only", "--no-dangling", "--no-progress"]).may_fail())
}

fn read(script: &Script, exits: &Exits) -> DoctorOutput {
    let first = |name: &str| {
        let exit = script.exit(exits, name).filter(|exit| exit.ok())?;
        let said = format!("{}{}", exit.text(), exit.error_text());
        said.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
    };
    let text = |name: &str| script.exit(exits, name).map(Exit::text).unwrap_or_default();
    let git_version = first("git").and_then(|line| line.split(' ').nth(2).map(str::to_owned));
    let version = git_version.as_deref().and_then(numbers);
    let feature = |(name, since): &(&str, (u32, u32))| Feature {
        name: (*name).to_owned(),
        since: format!("{}.{}", since.0, since.1),
        available: version.is_some_and(|version| version >= *since),
    };
    let damage = script.exit(exits, "fsck").filter(|exit| !exit.ok()).map(damage).unwrap_or_default();
    let mut output = DoctorOutput {
        lfs: first("lfs"),
        ssh: first("ssh"),
        gpg: first("gpg"),
        features: FEATURES.iter().map(feature).collect(),
        free_bytes: text("room").lines().nth(1).and_then(|bytes| bytes.trim().parse().ok()),
        head: workspace::head(script, exits, "head").oid,
        shallow: text("shallow").trim() == "true",
        damage,
        locks: text("locks").split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect(),
        advice: Vec::new(),
        git_version,
    };
    output.advice = advice(&output, version);
    output
}

fn damage(exit: &Exit) -> Vec<String> {
    let said = format!("{}{}", exit.text(), exit.error_text());
    let line = |line: &str| crate::check::text::printable_tail(line, 200);
    said.lines().filter(|line| !line.trim().is_empty()).take(DAMAGE_MAX).map(line).collect()
}

fn advice(output: &DoctorOutput, version: Option<(u32, u32)>) -> Vec<String> {
    let mut advice = Vec::new();
    if version.is_none_or(|version| version < FLOOR) {
        advice.push("use a template with git 2.39 or newer".to_owned());
    }
    if !output.damage.is_empty() {
        advice.push("the repository is damaged: push what can be pushed, then clone again".to_owned());
    }
    if output.free_bytes.is_some_and(|bytes| bytes < FREE_BYTES_LOW) {
        advice.push("the disk is nearly full: clone less (depth, filter) or use a larger sandbox".to_owned());
    }
    if output.shallow {
        advice.push(
            "history is shallow: fetch with `unshallow` before you read or join old commits".to_owned(),
        );
    }
    advice
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn a_version_is_read_whatever_follows_it() {
        assert_eq!(numbers("2.47.3"), Some((2, 47)));
        assert_eq!(numbers("2.39.windows.1"), Some((2, 39)));
        assert_eq!(numbers("git"), None);
        assert!(numbers("2.9.0") < numbers("2.39.0"));
    }
}
