//! What a caller calls a commit, made into its object id in the same plan that uses it: everything after
//! works on an id, and not on a name that moves or that git could take for an option or a path.

use crate::failure::codes;
use crate::{Exits, Failure};

use super::script::Script;

pub(crate) use super::resolve::commit_step as step;

/// The failure when [`step`] has failed.
pub(crate) fn missing(revision: &str) -> Failure {
    match revision {
        "HEAD" => Failure::new(codes::EMPTY_REPOSITORY, "There is no commit yet."),
        revision => Failure::new(codes::REF_NOT_FOUND, format!("There is no commit called {revision:?}.")),
    }
}

/// The failure of a plan whose [`step`] of this name found nothing; `None` when it did not fail of that.
pub(crate) fn not_found(script: &Script, exits: &Exits, name: &str, revision: &str) -> Option<Failure> {
    let nothing = |exit: &&crate::Exit| exit.code == 1 && exit.stderr.is_empty();
    script.exit(exits, name).filter(nothing).map(|_| missing(revision))
}
