//! The stash: steps that the three stash operations share.

use gitledger_events::operation::RefChange;

use super::script::Script;
use crate::check::reference::is_object_id;
use crate::failure::codes;
use crate::plan::Ended;
use crate::{Exits, Failure, Rejection, Step};

/// The reference.
pub(crate) const REFERENCE: &str = "refs/stash";
/// No more are numbered.
const NUMBER_MAX: u32 = 9999;

/// The name of one of the stashes, 0 the latest.
pub(crate) fn name(index: u32) -> String {
    format!("{REFERENCE}@{{{index}}}")
}

/// A number and an object id that a caller gives.
pub(crate) fn check(index: u32, oid: Option<&str>) -> Result<(), Rejection> {
    if index > NUMBER_MAX {
        return Err(Rejection::argument("index", format!("must be at most {NUMBER_MAX}")));
    }
    if oid.is_some_and(|oid| !is_object_id(oid)) {
        return Err(Rejection::argument("oid", "must be a whole object id in lower case"));
    }
    Ok(())
}

/// Prints the commit of the latest stash. Fails where there is none.
pub(crate) fn latest_step() -> Step {
    Step::git(["rev-parse", "--verify", "--quiet", REFERENCE]).may_fail()
}

/// Ends the plan unless there is this stash, and it is this commit. The first steps of a plan.
pub(crate) fn find(index: u32, oid: Option<&str>) -> Script {
    let same = |oid: &str| super::room::inside(["test", oid, "="]).given(0);
    Script::default()
        .step("stash", Step::git(["rev-parse", "--verify", "--quiet", &name(index)]))
        .maybe("same", oid.map(same))
        .step("latest-before", latest_step())
}

/// The failure of [`find`], if it failed.
pub(crate) fn missing(script: &Script, exits: &Exits, index: u32) -> Option<Failure> {
    let code = exits.last().map_or(0, |exit| exit.code);
    match script.stopped_at(exits)? {
        _ if exits.ended != Ended::Normally => None,
        "stash" if matches!(code, 1 | 128) => {
            Some(Failure::new(codes::STASH_NOT_FOUND, format!("There is no stash number {index}.")))
        }
        "same" => {
            let is = script.line(exits, "stash");
            let message = format!("The stash number {index} is another one.");
            Some(Failure {
                output: Some(serde_json::json!({ "oid": is })),
                ..Failure::new(codes::STASH_MOVED, message)
            })
        }
        _ => None,
    }
}

/// How the reference moved between the steps `latest-before` and `latest-after`.
pub(crate) fn moved(script: &Script, exits: &Exits) -> Vec<RefChange> {
    let (old, new) = (script.line(exits, "latest-before"), script.line(exits, "latest-after"));
    if old == new {
        return Vec::new();
    }
    vec![RefChange { name: REFERENCE.to_owned(), old, new }]
}
