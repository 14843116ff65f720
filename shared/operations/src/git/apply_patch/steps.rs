//! The steps that apply a patch.

use super::{ApplyPatch, Target};
use crate::context::WORKSPACE;
use crate::git::attempt::OnConflict;
use crate::git::script::Script;
use crate::git::{conflict, room, staging};
use crate::plan::Input;
use crate::{Context, Step};

/// The name of the uploaded patch in the operation's scratch directory.
pub(super) const PATCH: &str = "patch";

/// Everything in one round trip. git checks every file before it writes one. But a three-way merge that has
/// conflicts it writes, so that one is tried on a copy of the index first.
pub(super) fn apply(patch: &ApplyPatch, context: &Context<'_>) -> Script {
    let dry_run = context.envelope.dry_run;
    let try_first = patch.three_way && (dry_run || patch.on_conflict == OnConflict::Abort);
    let input = || match patch.inline() {
        Some(text) => Input::Text(text),
        None => Input::File(context.scratch(PATCH)),
    };
    let list = Step::git(command(patch)).with(["--numstat", "-z", "-"]).reading(input());
    let step = Step::git(command(patch)).with(target(patch)).with(dry_run.then_some("--check"));
    let step = step.with(["-"]).reading(input());
    let script = Script::default()
        .step("files", list)
        .maybe("unmerged", (patch.target != Target::Worktree).then(conflict::refuse_step))
        .maybe("refresh", (patch.target == Target::Both).then(staging::refresh_step));
    if !patch.three_way {
        return script.step("apply", step);
    }
    if !try_first {
        return script.step("apply", step.may_fail()).step("conflicts", conflict::list_step());
    }
    let copy = context.scratch("index");
    let index = format!("GIT_INDEX_FILE={copy}");
    let aside = |step: Step| {
        let argv = ["env".to_owned(), index.clone()].into_iter().chain(step.argv);
        Step { argv: argv.collect(), dir: WORKSPACE.to_owned(), ..step }
    };
    let trial = Step::git(command(patch)).with(["--3way", "--cached", "-"]).reading(input());
    script
        // Before the first commit there may be none.
        .step("copy", room::inside(["cp", ".git/index", &copy]).may_fail())
        .step("trial", aside(trial).may_fail())
        .step("conflicts", aside(conflict::list_step()))
        .step("fits", aside(conflict::refuse_step()))
        .step("apply", step)
}

/// Checks the patch for one file after the other: a step for each, in this order.
pub(super) fn each(patch: &ApplyPatch, context: &Context<'_>, paths: &[String]) -> Script {
    paths.iter().fold(Script::default(), |script, path| {
        let step = Step::git(command(patch)).with(target(patch));
        let step = step.with(["--check".to_owned(), format!("--include={}", literal(path)), "-".to_owned()]);
        script.step("one", step.reading(Input::File(context.scratch(PATCH))).may_fail())
    })
}

/// Every flag stands here because the workspace's configuration could say otherwise.
fn command(patch: &ApplyPatch) -> Vec<&'static str> {
    let mut argv = vec!["apply", "-p1", "--whitespace=nowarn", "--no-ignore-whitespace"];
    argv.extend(patch.reverse.then_some("--reverse"));
    argv.extend(patch.recount.then_some("--recount"));
    argv
}

fn target(patch: &ApplyPatch) -> impl Iterator<Item = &'static str> {
    let target = match patch.target {
        Target::Worktree => None,
        Target::Index => Some("--cached"),
        Target::Both => Some("--index"),
    };
    target.into_iter().chain(patch.three_way.then_some("--3way"))
}

/// A pattern that only this path matches.
fn literal(path: &str) -> String {
    let escaped = |c: char| if "\\*?[".contains(c) { vec!['\\', c] } else { vec![c] };
    path.chars().flat_map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn a_path_is_no_pattern() {
        assert_eq!(literal(r"a*[b]?\c"), r"a\*\[b]\?\\c");
    }
}
