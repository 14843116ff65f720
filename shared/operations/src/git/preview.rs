//! What a join would come to, computed by `git merge-tree` without a working tree.
//!
//! What that writes goes into a directory of the operation's own: the repository's objects are only read.

use gitledger_events::operation::SideEffect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conflict::{self, Conflict};
use super::resolve;
use super::script::{Script, scratch};
use crate::context::WORKSPACE;
use crate::failure::{classify, classify_exit, codes};
use crate::{Budget, Context, Exit, Exits, Failure, Plan, Step};

/// No more reasons are told of one join.
const REASONS_MAX: usize = 200;

/// Why files do not fit together, in git's own words for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConflictReason {
    /// For example `CONFLICT (contents)`, `CONFLICT (modify/delete)`, `CONFLICT (rename/rename)`.
    pub reason: String,
    /// Every file that has to do with it: of a rename the old name and the new ones.
    pub paths: Vec<String>,
}

/// What a merge would come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joined {
    /// The commit that is merged into.
    pub(crate) target: String,
    /// The commit that is merged.
    pub(crate) source: String,
    /// Their common commit.
    pub(crate) base: String,
    /// What does not fit.
    pub(crate) conflicts: Vec<Conflict>,
    /// Why.
    pub(crate) reasons: Vec<ConflictReason>,
}

impl Joined {
    /// True when there is nothing to come in.
    pub(crate) fn up_to_date(&self) -> bool {
        self.base == self.source
    }

    /// True when the target could simply go forward.
    pub(crate) fn forward(&self) -> bool {
        self.base == self.target
    }
}

/// git with a place of its own for what it writes.
pub(crate) fn aside<I>(context: &Context<'_>, arguments: I) -> Step
where
    I: IntoIterator,
    I::Item: Into<String>,
{
    let fixed = [
        "env".to_owned(),
        format!("GIT_OBJECT_DIRECTORY={}", scratch(context)),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES=.git/objects".to_owned(),
        "git".to_owned(),
    ];
    Step::new(WORKSPACE, fixed.into_iter().chain(arguments.into_iter().map(Into::into)))
}

/// A plan that only reads, with that place.
pub(crate) fn plan(script: Script, context: &Context<'_>, budget: Budget, before: &[Exits]) -> Plan {
    Plan { scratch: Some(scratch(context)), ..script.reading(context, budget, before) }
}

/// Resolves both names, finds their common commit and joins them. The names were checked.
pub(crate) fn merge_script(context: &Context<'_>, target: &str, source: &str) -> Script {
    Script::default()
        .step("target", resolve::commit_step(target))
        .step("source", resolve::commit_step(source))
        .step("base", Step::git(["merge-base"]).given(0).given(1))
        .step("tree", aside(context, ["merge-tree", "--write-tree", "-z"]).given(0).given(1).may_fail())
}

/// Reads the exits of [`merge_script`] for these names.
pub(crate) fn read_merge(script: &Script, exits: &Exits, names: [&str; 2]) -> Result<Joined, Box<Failure>> {
    let [target, source] = names.map(str::to_owned);
    match script.stopped_at(exits) {
        None => {}
        Some("base") if exits.last().is_some_and(|exit| exit.code == 1) => {
            let message = "The two histories have no commit in common.";
            return Err(Box::new(Failure::new(codes::UNRELATED_HISTORIES, message)));
        }
        Some(_) => {
            let missing = resolve::stopped(exits, &[(0, target), (1, source)]);
            return Err(Box::new(missing.unwrap_or_else(|| classify(exits, SideEffect::None))));
        }
    }
    let line = |name: &str| script.line(exits, name).unwrap_or_default();
    let (conflicts, reasons) = read_tree(script.exit(exits, "tree"))?;
    Ok(Joined { target: line("target"), source: line("source"), base: line("base"), conflicts, reasons })
}

/// Reads what `merge-tree --write-tree -z` printed: the tree; the stages of what does not fit, as the index
/// has them; and, after an empty field, messages: how many paths, the paths, a fixed text, one for people.
pub(crate) fn read_tree(exit: Option<&Exit>) -> Result<(Vec<Conflict>, Vec<ConflictReason>), Box<Failure>> {
    let exit = exit.cloned().unwrap_or_default();
    if !matches!(exit.code, 0 | 1) {
        return Err(Box::new(unsupported(&exit)));
    }
    let mut fields = exit.stdout.split(|byte| *byte == 0).skip(1);
    let stages: Vec<&[u8]> = fields.by_ref().take_while(|field| !field.is_empty()).collect();
    let mut reasons = Vec::new();
    while let Some(count) = number(fields.next()) {
        let paths: Vec<String> = fields.by_ref().take(count).map(text).collect();
        let (Some(reason), Some(_)) = (fields.next(), fields.next()) else { break };
        let reason = text(reason);
        if reason.starts_with("CONFLICT") && reasons.len() < REASONS_MAX {
            reasons.push(ConflictReason { reason, paths });
        }
    }
    Ok((conflict::of_records(stages.into_iter()), reasons))
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

/// Before each message stands the line end of the one before.
fn number(field: Option<&[u8]>) -> Option<usize> {
    text(field?).trim().parse().ok()
}

/// git before 2.40 does not know `--merge-base`.
fn unsupported(exit: &Exit) -> Failure {
    let failure = classify_exit(exit, SideEffect::None);
    if failure.code != codes::GIT_UNSUPPORTED {
        return failure;
    }
    let message = "The sandbox's git can only preview merges; the other kinds need git 2.40 or newer.";
    Failure { message: message.to_owned(), ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_and_reasons_are_told_apart_and_news_are_no_conflict() {
        let stdout = b"tree\x00100644 aa 1\ta\x00100644 bb 2\tb c\0\x003\0a\0b c\0d\0CONFLICT (rename/rename)\0people\n\x001\0f\0Auto-merging\0Auto-merging f\n\0".to_vec();
        let (conflicts, reasons) = read_tree(Some(&Exit { code: 1, stdout, ..Exit::default() })).unwrap();
        let kinds: Vec<_> = conflicts.iter().map(|c| (c.path.as_str(), c.kind.as_str())).collect();
        assert_eq!(kinds, [("a", "DD"), ("b c", "AU")]);
        assert_eq!(reasons.len(), 1);
        assert_eq!(reasons[0].paths, ["a", "b c", "d"]);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for stdout in crate::git::noise::noise(2000, b"1230 \t\0\0aCONFLICT\n\xff") {
            let _ = read_tree(Some(&Exit { stdout, ..Exit::default() }));
        }
    }
}
