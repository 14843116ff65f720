//! What a caller calls a commit, made into its object id in the same plan that uses it.

use crate::failure::codes;
use crate::{Failure, Step};

/// Prints the commit's id. A step after it takes that as an argument, so no name of a reference is ever
/// taken for an option or a path.
pub(crate) fn step(revision: &str) -> Step {
    let argv = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
    Step::git(argv).with([format!("{revision}^{{commit}}")])
}

/// The failure when [`step`] has failed.
pub(crate) fn missing(revision: &str) -> Failure {
    match revision {
        "HEAD" => Failure::new(codes::EMPTY_REPOSITORY, "There is no commit yet."),
        revision => Failure::new(codes::REF_NOT_FOUND, format!("There is no commit called {revision:?}.")),
    }
}
