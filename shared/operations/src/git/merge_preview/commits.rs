//! Previews of commits that are made again: each is joined against its own parent.

use gitledger_events::operation::SideEffect;

use super::{MergePreview, MergePreviewOutput, PreviewKind};
use crate::failure::{classify, codes};
use crate::git::preview::{self, aside};
use crate::git::resolve;
use crate::git::script::Script;
use crate::git::staging;
use crate::plan::Ended;
use crate::{Context, Decision, Done, Exits, Failure, Operation, Step};

/// No more commits are tried. A conflict after them is not seen, and that is told.
const COMMITS_MAX: usize = 100;
/// The steps for one commit: whether it fits, its tree, the new commit.
const STEPS: usize = 3;

/// One commit, made again or taken back.
pub(super) fn pick(
    asked: &MergePreview,
    context: &Context<'_>,
    rounds: &[Exits],
) -> Decision<MergePreviewOutput> {
    let names = vec![(0, asked.target.clone()), (1, asked.source.clone())];
    let parent = format!("{}^{}", asked.source, asked.mainline.unwrap_or(1));
    let script = Script::default()
        .step("target", resolve::commit_step(&asked.target))
        .step("source", resolve::commit_step(&asked.source))
        .step("parents", Step::git(["rev-list", "--parents", "--max-count=1"]).given(1))
        .step("parent", resolve::commit_step(&parent));
    match rounds {
        [] => Decision::run(preview::plan(script, context, MergePreview::BUDGET, rounds)),
        [look] => {
            if let Some(failure) = unfit(asked, &script, look) {
                return failure.into();
            }
            if script.stopped_at(look).is_some() {
                let failure = resolve::stopped(look, &names);
                return failure.unwrap_or_else(|| classify(look, SideEffect::None)).into();
            }
            let plan =
                preview::plan(join(asked, context, &script, look), context, MergePreview::BUDGET, rounds);
            Decision::run(plan)
        }
        [look, joined, ..] => {
            if joined.ended != Ended::Normally {
                return classify(joined, SideEffect::None).into();
            }
            let line = |name: &str| script.line(look, name).unwrap_or_default();
            match preview::read_tree(joined.get(0)) {
                Ok((conflicts, reasons)) => {
                    let same = joined.get(1).map(crate::Exit::line);
                    let tree = joined
                        .get(0)
                        .map(|exit| exit.stdout.split(|byte| *byte == 0).next().unwrap_or(&[]).to_vec());
                    let output = MergePreviewOutput {
                        up_to_date: conflicts.is_empty() && same.map(String::into_bytes) == tree,
                        source: line("source"),
                        target: line("target"),
                        commits: 1,
                        ..MergePreviewOutput::default()
                    };
                    Done::with(output.with(&conflicts, reasons)).into()
                }
                Err(failure) => failure.into(),
            }
        }
    }
}

/// The commits are known by now, so none of these arguments is a caller's.
fn join(asked: &MergePreview, context: &Context<'_>, script: &Script, look: &Exits) -> Script {
    let line = |name: &str| script.line(look, name).unwrap_or_default();
    let (target, source, parent) = (line("target"), line("source"), line("parent"));
    let (base, theirs) = match asked.kind {
        PreviewKind::Revert => (source, parent),
        _ => (parent, source),
    };
    let argv = ["merge-tree".to_owned(), "--write-tree".to_owned(), "-z".to_owned()];
    let tree = aside(context, argv).with([format!("--merge-base={base}"), target.clone(), theirs]);
    Script::default()
        .step("joined", tree.may_fail())
        .step("same", resolve::object_step(&format!("{target}^{{tree}}")).may_fail())
}

/// A merge needs `mainline`, which is one of its parents; the first commit of all has nothing to be compared with.
fn unfit(asked: &MergePreview, script: &Script, look: &Exits) -> Option<Failure> {
    let parents = script.line(look, "parents")?.split_whitespace().count().saturating_sub(1);
    let failure = |message: &str| Some(Failure::new(codes::MAINLINE_MISMATCH, message));
    match (parents, asked.mainline) {
        (2.., None) => failure("The commit is a merge, and 'mainline' is not given."),
        (1.., Some(parent)) if usize::try_from(parent).is_ok_and(|parent| parent > parents) => {
            failure("The commit has not so many parents.")
        }
        (0, _) => {
            let message = "The commit has no parent to be compared with.";
            Some(Failure::new(codes::REF_NOT_FOUND, message))
        }
        _ => None,
    }
}

/// Every commit of the source, one on top of the other.
pub(super) fn rebase(
    asked: &MergePreview,
    context: &Context<'_>,
    rounds: &[Exits],
) -> Decision<MergePreviewOutput> {
    let names = vec![(0, asked.target.clone()), (1, asked.source.clone())];
    let wanted = ["rev-list", "--reverse", "--topo-order", "--no-merges", "--cherry-pick", "--right-only"];
    let range = format!("{}...{}", asked.target, asked.source);
    let script = Script::default()
        .step("target", resolve::commit_step(&asked.target))
        .step("source", resolve::commit_step(&asked.source))
        .step("base", Step::git(["merge-base"]).given(0).given(1).may_fail())
        .step("commits", Step::git(wanted).with(["--end-of-options", &range, "--"]));
    let Some(look) = rounds.first() else {
        return Decision::run(preview::plan(script, context, MergePreview::BUDGET, rounds));
    };
    if script.stopped_at(look).is_some() {
        return resolve::stopped(look, &names).unwrap_or_else(|| classify(look, SideEffect::None)).into();
    }
    let line = |name: &str| script.line(look, name).unwrap_or_default();
    let own = line("commits");
    let commits: Vec<&str> = own.lines().take(COMMITS_MAX).collect();
    let mut output = MergePreviewOutput {
        up_to_date: line("base") == line("target"),
        source: line("source"),
        target: line("target"),
        commits: u64::try_from(own.lines().count()).unwrap_or(u64::MAX),
        ..MergePreviewOutput::default()
    };
    match (commits.is_empty(), rounds.get(1)) {
        (true, _) => Done::with(output.with(&[], Vec::new())).into(),
        (false, None) => {
            let chain = chain(context, &line("target"), &commits);
            let mut plan = preview::plan(chain, context, MergePreview::BUDGET, rounds);
            plan.env.extend(staging::identity(context, None, None));
            Decision::run(plan)
        }
        (false, Some(joined)) => {
            let last = joined.steps.len().saturating_sub(1);
            let stopped = joined.last().is_some_and(|exit| !exit.ok());
            if joined.ended != Ended::Normally || (stopped && last % STEPS != 0) {
                return classify(joined, SideEffect::None).into();
            }
            let exit = joined.last().filter(|_| stopped);
            output.stopped_at = exit.and(commits.get(last / STEPS)).map(|commit| (*commit).to_owned());
            match exit.map_or(Ok((Vec::new(), Vec::new())), |exit| preview::read_tree(Some(exit))) {
                Ok((conflicts, reasons)) => Done::with(output.with(&conflicts, reasons)).into(),
                Err(failure) => failure.into(),
            }
        }
    }
}

/// The first step of each commit ends the plan when it does not fit; its answer has NUL bytes, so the tree
/// is asked for once more by itself.
fn chain(context: &Context<'_>, target: &str, commits: &[&str]) -> Script {
    let mut script = Script::default();
    for (index, commit) in commits.iter().enumerate() {
        let join = |format: &str| {
            let step =
                aside(context, ["merge-tree", "--write-tree", format, &format!("--merge-base={commit}^")]);
            on(step, target, index).with([*commit])
        };
        let made = aside(context, ["commit-tree", "-m", "preview", "-p"]);
        script = script
            .step("fits", join("-z"))
            .step("tree", join("--no-messages"))
            .step("commit", on(made, target, index).given(index * STEPS + 1));
    }
    script
}

/// With the commit that the next one is put on.
fn on(step: Step, target: &str, index: usize) -> Step {
    match index {
        0 => step.with([target]),
        _ => step.given(index * STEPS - 1),
    }
}
