//! `fetch`: learns what the remote has.

use gitledger_events::operation::{Effect, RefChange, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::room::Fetching;
use super::script::Script;
use super::{room, workspace};
use crate::{
    Budget, Context, Decision, Done, Exit, Exits, Operation, Place, Rejection, Remote, Remotes, Step, check,
};

/// Fetches the remote's branches and tags. Changes neither the working tree nor any branch of the
/// workspace.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// Only this branch, and no tags.
    #[serde(default)]
    pub branch: Option<String>,
    /// Forget branches that the remote no longer has. Not together with `branch`.
    #[serde(default)]
    pub prune: bool,
    /// Only the last commits of each branch: from 1.
    #[serde(default)]
    pub depth: Option<u32>,
    /// Fetch what a shallow clone left out. Not together with `depth`.
    #[serde(default)]
    pub unshallow: bool,
}

/// What moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FetchOutput {
    /// References that moved, appeared or are gone; at most 200 of them.
    pub refs_changed: Vec<RefChange>,
    /// How many there are.
    pub refs_changed_total: usize,
    /// HEAD, which a fetch does not move; `None` before the first commit.
    pub head: Option<String>,
}

/// The most references in one answer.
const SHOWN_MAX: usize = 200;

impl Operation for Fetch {
    const NAME: &'static str = "fetch";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::REMOTE;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1"}"#;
    type Output = FetchOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        if self.depth == Some(0) {
            return Err(Rejection::argument("depth", "must be at least 1"));
        }
        if self.unshallow && self.depth.is_some() {
            return Err(Rejection::argument("unshallow", "must not be set together with 'depth'"));
        }
        let Some(branch) = &self.branch else { return Ok(()) };
        if self.prune {
            return Err(Rejection::argument("prune", "must not be set together with 'branch'"));
        }
        check::reference::branch("branch", branch)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        let remote = match workspace::remote(context) {
            Ok(remote) => remote,
            Err(failure) => return failure.into(),
        };
        let script = self.script(context, &remote);
        let Some(exits) = rounds.first() else {
            return Decision::run(script.talking(context, &remote, Self::BUDGET, rounds));
        };
        if let Some(failure) = script.failure(exits, SideEffect::None) {
            return failure.into();
        }
        let mut moved = moved(script.exit(exits, "before"), script.exit(exits, "after"));
        let total = moved.len();
        moved.truncate(SHOWN_MAX);
        let head = workspace::head(&script, exits, "head").oid;
        let output =
            FetchOutput { refs_changed: moved.clone(), refs_changed_total: total, head: head.clone() };
        // A fetch does not move HEAD.
        Done { head_before: head.clone(), head_after: head, refs_changed: moved, ..Done::with(output) }.into()
    }
}

impl Fetch {
    fn script(&self, context: &Context<'_>, remote: &Remote) -> Script {
        let refspecs = match &self.branch {
            Some(branch) => vec![format!("+refs/heads/{branch}:refs/heads/{branch}")],
            None => vec!["+refs/heads/*:refs/heads/*".to_owned(), "+refs/tags/*:refs/tags/*".to_owned()],
        };
        let depth = self.depth.map(|depth| format!("--depth={depth}"));
        // As deep as git can say: unlike `--unshallow` it does not fail where the history is whole.
        let whole = self.unshallow.then(|| "--depth=2147483647".to_owned());
        let options = depth.or(whole).into_iter().collect();
        let what = Fetching { refspecs, options, named: None };
        let script = room::open(Script::default().step("before", refs_step()), context);
        let script = room::fetch(script, context, remote, &what);
        let script = if self.prune { room::forget(script, context) } else { script };
        room::carry(script, context).step("after", refs_step()).step("head", workspace::head_step())
    }
}

/// Lists what a fetch may move.
fn refs_step() -> Step {
    Step::git(["for-each-ref", "--format=%(objectname) %(refname)", "refs/remotes/origin/", "refs/tags/"])
}

/// What differs between two lists. Lists that were cut say nothing of what is beyond the cut.
fn moved(before: Option<&Exit>, after: Option<&Exit>) -> Vec<RefChange> {
    let cut = [before, after].into_iter().flatten().any(|exit| exit.omitted_bytes > 0);
    let old = parse(before);
    let new = parse(after);
    let changed = new.iter().filter(|(name, oid)| old.get(*name) != Some(oid)).map(|(name, oid)| RefChange {
        name: name.clone(),
        old: old.get(name).cloned(),
        new: Some(oid.clone()),
    });
    let gone = old.iter().filter(|(name, _)| !cut && !new.contains_key(*name)).map(|(name, oid)| RefChange {
        name: name.clone(),
        old: Some(oid.clone()),
        new: None,
    });
    changed.chain(gone).collect()
}

fn parse(exit: Option<&Exit>) -> std::collections::BTreeMap<String, String> {
    let text = exit.map(Exit::text).unwrap_or_default();
    let pair = |line: &str| {
        let (oid, name) = line.split_once(' ')?;
        workspace::is_oid(oid).then(|| (name.to_owned(), oid.to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_appeared_moved_and_went_is_told() {
        let list = |text: &str| Exit { stdout: text.as_bytes().to_vec(), ..Exit::default() };
        let [a, b] = ["a", "b"].map(|digit| digit.repeat(40));
        let before = list(&format!("{a} refs/x\n{a} refs/y\n{a} refs/z\n"));
        let after = list(&format!("{a} refs/x\n{b} refs/y\n{b} refs/new\n"));
        let moved = moved(Some(&before), Some(&after));
        let told: Vec<_> =
            moved.iter().map(|c| (c.name.as_str(), c.old.is_some(), c.new.is_some())).collect();
        assert_eq!(told, [("refs/new", false, true), ("refs/y", true, true), ("refs/z", true, false)]);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for stdout in crate::git::noise::noise(1000, b"a \n refs/\xff") {
            let exit = Exit { stdout, ..Exit::default() };
            moved(Some(&exit), None);
        }
    }
}
