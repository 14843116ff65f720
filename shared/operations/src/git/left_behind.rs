//! What a failed change of the workspace leaves behind.

use gitledger_events::operation::SideEffect;

use super::script::Script;
use crate::failure::{classify, classify_exit, codes};
use crate::plan::Ended;
use crate::{Code, Exit, Exits, Failure};

/// What can strike in the middle. Everything else is a refusal, and git refuses before it begins.
const MIDWAY: &[Code] = &[
    codes::CANCELLED,
    codes::DISK_FULL,
    codes::LAZY_FETCH_FAILED,
    codes::OUT_OF_MEMORY,
    codes::REPOSITORY_CORRUPT,
    codes::TIMEOUT,
    codes::UNKNOWN_GIT_ERROR,
];

/// The failure of the step at which the plan stopped early, if it did. `changing` is the one step that
/// changes anything.
pub(crate) fn failure(script: &Script, exits: &Exits, changing: &str) -> Option<Failure> {
    script.stopped_at(exits)?;
    let failure = classify(exits, SideEffect::None);
    let midway = exits.ended != Ended::Normally || MIDWAY.contains(&failure.code);
    let side_effect = match script.exit(exits, changing) {
        Some(exit) if exit.ok() => SideEffect::Applied,
        Some(_) if midway => SideEffect::Unknown,
        _ => SideEffect::None,
    };
    Some(Failure { side_effect, ..failure })
}

/// The failure of the step that changes things, in a plan that went on after it.
pub(crate) fn of_exit(exit: Option<&Exit>) -> Failure {
    let failure = classify_exit(&exit.cloned().unwrap_or_default(), SideEffect::None);
    let midway = MIDWAY.contains(&failure.code);
    Failure { side_effect: if midway { SideEffect::Unknown } else { SideEffect::None }, ..failure }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Exit, Step};

    #[test]
    fn a_refusal_leaves_nothing_behind_and_who_knows_what_an_accident_does() {
        let script = Script::default()
            .step("look", Step::git(["a"]))
            .step("change", Step::git(["b"]))
            .step("after", Step::git(["c"]));
        let exit = |code, said: &str| Exit { code, stderr: said.into(), ..Exit::default() };
        let after = |steps: Vec<Exit>, ended| {
            let exits = Exits { steps, ended, elapsed: Duration::ZERO };
            failure(&script, &exits, "change").map(|failure| failure.side_effect)
        };
        let (good, bad) = (exit(0, ""), exit(1, "error: path 'f' is unmerged"));
        let full = exit(1, "No space left on device");
        assert_eq!(after(vec![good.clone(); 3], Ended::Normally), None);
        assert_eq!(after(vec![full.clone()], Ended::Normally), Some(SideEffect::None));
        assert_eq!(after(vec![good.clone(), bad.clone()], Ended::Normally), Some(SideEffect::None));
        assert_eq!(after(vec![good.clone(), full], Ended::Normally), Some(SideEffect::Unknown));
        assert_eq!(after(vec![good.clone(), bad.clone()], Ended::TimedOut), Some(SideEffect::Unknown));
        assert_eq!(after(vec![good.clone(), good, bad], Ended::Normally), Some(SideEffect::Applied));
    }
}
