//! A safety snapshot: the working tree and the index as they were before an operation that endangers them,
//! kept in the workspace's own repository.
//!
//! Two references per operation: `files` is a tree of the working tree, untracked files included and ignored
//! ones not; `index` is git's index file itself, as a blob, so that conflicts are kept too. Nothing that
//! git's own commands look at is touched. They stay for as long as the workspace lives.

use gitledger_events::operation::RefChange;
use uuid::Uuid;

use crate::context::WORKSPACE;
use crate::git::script;
use crate::{Context, Exit, Plan, Step};

/// Where snapshots are; outside everything that a push or a fetch touches.
pub const PREFIX: &str = "refs/gitledger/snapshots/";

/// The tree of the working tree before this operation.
pub fn files_reference(operation_id: Uuid) -> String {
    format!("{PREFIX}{operation_id}/files")
}

/// The index before this operation; absent where there was none.
pub fn index_reference(operation_id: Uuid) -> String {
    format!("{PREFIX}{operation_id}/index")
}

/// How many steps there are; the last but one prints the tree, the last makes its reference.
const STEPS: usize = 6;

/// The steps, the first of which is number `first` of its plan.
pub(crate) fn steps(context: &Context<'_>, first: usize) -> Vec<Step> {
    let copy = context.scratch("snapshot-index");
    let index = format!("GIT_INDEX_FILE={copy}");
    let aside = |arguments: &[&str]| {
        let argv = ["env", &index, "git"].into_iter().chain(arguments.iter().copied());
        Step::new(WORKSPACE, argv)
    };
    let keep = |reference: String| Step::git(["update-ref".to_owned(), reference]);
    let steps = vec![
        Step::git(["hash-object", "-w", "--no-filters", ".git/index"]).may_fail(),
        keep(index_reference(context.operation_id)).given(first).may_fail(),
        // A copy, so that unchanged files are not read again.
        Step::new(WORKSPACE, ["cp", ".git/index", &copy]).may_fail(),
        aside(&["add", "--all", "--ignore-errors", "--no-warn-embedded-repo"]).may_fail(),
        aside(&["write-tree"]),
        keep(files_reference(context.operation_id)).given(first + 4),
    ];
    debug_assert_eq!(steps.len(), STEPS);
    steps
}

/// What the steps need of their plan.
pub(crate) fn prepare(context: &Context<'_>, plan: &mut Plan) {
    plan.scratch.get_or_insert_with(|| script::scratch(context));
}

/// The reference that was made, out of the exits of [`steps`], which are the last ones of these.
pub(crate) fn kept(context: &Context<'_>, exits: &[Exit]) -> Option<RefChange> {
    let tree = exits.get(exits.len().checked_sub(2)?)?.line();
    Some(RefChange { name: files_reference(context.operation_id), old: None, new: Some(tree) })
}
