//! Revisions: resolved first, so that everything after works on an object id and not on a name that moves.

use crate::failure::codes;
use crate::{Exits, Failure, Step};

use super::script::Script;

/// Prints the id of the commit that a revision leads to. The name was checked: it is no calculation.
pub(crate) fn commit_step(revision: &str) -> Step {
    Step::git(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .with([format!("{revision}^{{commit}}")])
}

/// The failure of a plan whose [`commit_step`] of this name found nothing.
pub(crate) fn missing(script: &Script, exits: &Exits, name: &str, revision: &str) -> Option<Failure> {
    script.exit(exits, name).filter(|exit| exit.code == 1 && exit.stderr.is_empty())?;
    Some(match revision {
        "HEAD" => Failure::new(codes::EMPTY_REPOSITORY, "There is no commit yet."),
        name => Failure::new(codes::REF_NOT_FOUND, format!("There is no commit {name}.")),
    })
}
