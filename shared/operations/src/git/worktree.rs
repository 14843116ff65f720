//! Linked working copies: where they are, and how they are called.

use crate::{Rejection, Step, check};

/// The folder that they are in, beside the workspace; relative to the user's home.
pub(crate) const FOLDER: &str = "worktrees";

/// A name that is a folder's: as an agent's id.
pub(crate) fn check_name(name: &str) -> Result<(), Rejection> {
    check::text::id("name", name)
}

/// Its path as git in the workspace is told it.
pub(crate) fn path(name: &str) -> String {
    format!("../{FOLDER}/{name}")
}

/// git in the working copy.
pub(crate) fn inside<I>(name: &str, arguments: I) -> Step
where
    I: IntoIterator,
    I::Item: Into<String>,
{
    Step::git(arguments).inside(format!("{FOLDER}/{name}"))
}

/// Forgets working copies whose folders are gone, so that their names and branches are free again.
pub(crate) fn prune_step() -> Step {
    Step::git(["worktree", "prune", "--expire=now"]).may_fail()
}
