//! Names that are made object ids before anything is done with them.

use gitledger_events::operation::SideEffect;

use crate::failure::{classify_exit, codes};
use crate::plan::Ended;
use crate::{Exit, Exits, Failure, Step};

/// Prints the commit that a name stands for. Fails with 1 and says nothing when there is none.
pub(crate) fn commit_step(revision: &str) -> Step {
    object_step(&format!("{revision}^{{commit}}"))
}

/// Prints the object that a name stands for. The name was checked, or is built of such a one.
pub(crate) fn object_step(name: &str) -> Step {
    Step::git(["rev-parse", "--verify", "--quiet", "--end-of-options", name])
}

/// The failure of [`commit_step`] for the name that a caller gave.
pub(crate) fn missing(exit: Option<&Exit>, revision: &str) -> Failure {
    if exit.is_some_and(|exit| exit.code == 1) && revision == "HEAD" {
        return Failure::new(codes::EMPTY_REPOSITORY, "There is no commit yet.");
    }
    absent(exit, "commit", revision)
}

/// The failure of [`object_step`] for a thing of this kind, `branch` or `tag`.
pub(crate) fn absent(exit: Option<&Exit>, kind: &str, name: &str) -> Failure {
    match exit {
        Some(exit) if exit.code == 1 => {
            Failure::new(codes::REF_NOT_FOUND, format!("There is no {kind} '{name}'."))
        }
        exit => classify_exit(&exit.cloned().unwrap_or_default(), SideEffect::None),
    }
}

/// The failure of the step at which a plan stopped, if that is one of these; each with the name that it
/// resolves.
pub(crate) fn stopped(exits: &Exits, names: &[(usize, String)]) -> Option<Failure> {
    let at = exits.steps.len().checked_sub(1)?;
    let (_, revision) = names.iter().find(|(step, _)| *step == at)?;
    (exits.ended == Ended::Normally).then(|| missing(exits.last(), revision))
}
