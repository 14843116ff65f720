//! The end of an operation that somebody else tells than the one who worked on it.

use gitledger_events::Fact;
use gitledger_events::operation::{OperationFailed, OperationSucceeded, SideEffect, Timing};
use gitledger_operations::declaration::Answered;
use gitledger_operations::failure::codes;
use gitledger_operations::{Done, Failure, table};
use gitledger_projections::open_operations::OpenOperation;

use super::outcome;

/// A success that was read from what the operation left behind. The whole answer is recorded where it may be:
/// its caller never got it.
pub(crate) fn done(
    orphan: &OpenOperation,
    sandbox_id: &str,
    done: Done<Answered>,
    timing: Timing,
) -> Vec<Fact> {
    let declaration = orphan.name.as_deref().and_then(table::find);
    let secret = declaration.is_none_or(|declaration| declaration.shows_contents);
    let Answered { output, recorded } = done.output;
    let output = if secret { recorded } else { Some(output) };
    let mut facts = done.facts;
    let succeeded = OperationSucceeded {
        sandbox_id: Some(sandbox_id.to_owned()),
        timing,
        head_before: done.head_before,
        head_after: done.head_after,
        refs_changed: done.refs_changed,
        bytes: 0,
        output: output.filter(outcome::fits),
        recovered: true,
    };
    facts.push(succeeded.into());
    facts
}

/// The same of a failure.
pub(crate) fn failed(sandbox_id: &str, failure: Failure, timing: Timing) -> Vec<Fact> {
    let mut facts = failure.facts.clone();
    // Nothing was sent, so there is nobody to ask what became of it.
    let lost = failure.code == codes::UNKNOWN_OUTCOME;
    let side_effect = if lost { SideEffect::Unknown } else { failure.side_effect };
    let failed = outcome::failed(failure, Some(sandbox_id.to_owned()), timing);
    facts.push(OperationFailed { recovered: true, side_effect, ..failed }.into());
    facts
}
