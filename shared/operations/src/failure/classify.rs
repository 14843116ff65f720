//! Reads a failed step into a code: data before text, text only in the C locale.
//!
//! The order: how the plan ended, the exit code, then what git said. The text patterns were seen on git
//! 2.39 and 2.47. Whether there is a conflict is never read from text: operations look at the index.

use gitledger_events::operation::SideEffect;

use super::code::{Code, codes};
use super::patterns::{PATTERNS, Pattern};
use crate::decision::Failure;
use crate::plan::{Ended, Exit, Exits};

/// The failure of the last step that ran. `touched` says what is left behind if that is not known better.
pub fn classify(exits: &Exits, touched: SideEffect) -> Failure {
    let last = exits.last().cloned().unwrap_or_default();
    let code = match exits.ended {
        Ended::TimedOut => codes::TIMEOUT,
        Ended::Cancelled => codes::CANCELLED,
        Ended::Killed => codes::OUT_OF_MEMORY,
        Ended::Normally => return classify_exit(&last, touched),
    };
    Failure { side_effect: touched, ..Failure::new(code, message(&last)) }
}

/// The failure of one step, for a plan that went on after it.
pub fn classify_exit(exit: &Exit, touched: SideEffect) -> Failure {
    Failure { side_effect: touched, ..Failure::new(by_exit(exit), message(exit)) }
}

fn by_exit(exit: &Exit) -> Code {
    match exit.code {
        124 | 143 => return codes::TIMEOUT,
        126 | 127 => return codes::GIT_MISSING,
        137 => return codes::OUT_OF_MEMORY,
        _ if fetch_was_refused(exit) => return codes::LAZY_FETCH_FAILED,
        _ => {}
    }
    // What git itself said stands before what the remote made it print.
    let said = format!("{}\n{}", exit.error_text(), exit.text());
    let hit = PATTERNS.iter().find(|(pattern, _)| said.lines().any(|line| occurs(pattern, line)));
    match hit {
        Some((_, code)) => *code,
        None if exit.code == 129 => codes::GIT_UNSUPPORTED,
        None => codes::UNKNOWN_GIT_ERROR,
    }
}

/// True when git wanted to fetch a missing object behind one's back and its child was not let out. It then
/// either says so or dies of writing to that child, whichever of the two is faster. git before 2.45, which
/// does not know `GIT_NO_LAZY_FETCH`, comes here.
fn fetch_was_refused(exit: &Exit) -> bool {
    const BROKEN_PIPE: i32 = 128 + 13;
    let refused: Pattern = &["transport '", "' not allowed"];
    exit.code == BROKEN_PIPE && exit.error_text().lines().any(|line| occurs(refused, line))
}

fn occurs(pattern: Pattern, line: &str) -> bool {
    let mut rest = line;
    pattern.iter().all(|piece| match rest.find(piece) {
        Some(at) => {
            rest = &rest[at + piece.len()..];
            true
        }
        None => false,
    })
}

/// The end of what git said, for people.
fn message(exit: &Exit) -> String {
    let said = exit.error_text();
    let said = if said.trim().is_empty() { exit.text() } else { said };
    crate::check::text::printable_tail(said.trim(), 2000)
}
