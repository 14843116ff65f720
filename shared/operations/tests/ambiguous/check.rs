//! What was told of a push, held against what the server wrote down.

use std::path::Path;

use gitledger_events::operation::SideEffect;
use gitledger_operations::Failure;
use serde_json::Value;

use crate::case::Kind;

/// What was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Landed,
    NotLanded,
    Unknown,
    Wrong,
}

/// What is so.
#[derive(Debug)]
pub struct Truth {
    /// What the server took in from us, in order; a deletion as zeros.
    accepted: Vec<String>,
    /// What somebody else made is not in it any more.
    erased: bool,
}

impl Truth {
    pub fn of(bare: &Path, reference: &str, foreign: Option<String>) -> Self {
        let accepted = std::fs::read_to_string(bare.join("accepted")).unwrap();
        let ours = |line: &str| {
            let mut words = line.split(' ');
            let new = words.nth(1)?.to_owned();
            (words.next() == Some(reference)).then_some(new)
        };
        let tip = std::fs::read_to_string(bare.join(reference)).unwrap_or_default();
        let kept = |foreign: &String| {
            let argv = ["merge-base", "--is-ancestor", foreign, tip.trim()];
            tip.trim() == foreign
                || std::process::Command::new("git").args(argv).current_dir(bare).status().unwrap().success()
        };
        Self {
            accepted: accepted.lines().filter_map(ours).collect(),
            erased: !foreign.as_ref().is_none_or(kept),
        }
    }
}

/// Judges what was told.
pub fn told(kind: Kind, result: &Result<Value, Box<Failure>>, truth: &Truth) -> Told {
    if truth.erased {
        return Told::Wrong;
    }
    let zeros = "0".repeat(40);
    match result {
        Ok(output) => {
            let new = match kind {
                Kind::Deletion => zeros.as_str(),
                _ => output["commit_hash"].as_str().unwrap(),
            };
            let claimed = output["pushed"] == true || output["changed"] == true;
            let so = truth.accepted.last().is_some_and(|last| last == new);
            if claimed && so { Told::Landed } else { Told::Wrong }
        }
        Err(failure) if failure.side_effect == SideEffect::Unknown => Told::Unknown,
        // It says that the remote is as if nothing had been asked.
        Err(_) if truth.accepted.is_empty() => Told::NotLanded,
        Err(_) => Told::Wrong,
    }
}
