//! The own commits are on top of what the remote has, or could not be put there.

use gitledger_events::operation::{PushOutcome, SideEffect};

use super::machine::{End, Machine, Phase};
use crate::failure::{classify, codes};
use crate::git::integrate;
use crate::git::pull;
use crate::git::script::Script;
use crate::plan::Ended;
use crate::{Exits, Failure};

impl Machine<'_> {
    pub(super) fn integrated(&mut self, script: &Script, exits: &Exits) -> Result<(), End> {
        if !self.whole && exits.ended == Ended::Normally && integrate::lacks_objects(script, exits) {
            self.whole = true;
            return Ok(());
        }
        let failure = match script.stopped_at(exits) {
            None => None,
            Some("clean") if script.exit(exits, "clean").is_some_and(|exit| exit.code == 1) => {
                let message = "The remote has new commits, and here are changes that are not committed.";
                Some(Failure::new(codes::LOCAL_CHANGES_OVERWRITTEN, message))
            }
            Some(_) => Some(classify(exits, SideEffect::None)),
        };
        if let Some(mut failure) = failure {
            if exits.ended == Ended::Normally && failure.code == codes::REF_NOT_FOUND {
                // It was there a moment ago; now nobody has it.
                if self.unclear {
                    self.tell(PushOutcome::Superseded);
                }
                self.old = None;
                return self.send();
            }
            if exits.ended != Ended::Normally && script.exit(exits, "carry").is_some() {
                self.phase = Phase::Undo(failure);
                return Ok(());
            }
            failure.side_effect = self.touched();
            return Err(self.failed(failure));
        }
        let joined = integrate::read(script, exits);
        let failure = match (joined.conflicts.as_slice(), joined.done) {
            ([], true) => None,
            ([], false) => Some(integrate::refused(script, exits)),
            (conflicts, _) => Some(pull::conflicted(conflicts, false)),
        };
        if joined.done || !joined.conflicts.is_empty() {
            self.settle();
        }
        if let Some(failure) = failure {
            return Err(self.failed(failure));
        }
        let head = joined.head.oid;
        self.old = script.line(exits, "theirs");
        self.rebased |= head != self.new && head != self.old;
        self.updated |= head != self.new;
        self.new = head;
        self.send()
    }

    /// The remote's branch was joined with: an earlier attempt is in it, or will never be.
    pub(super) fn settle(&mut self) {
        if std::mem::take(&mut self.unclear) {
            self.tell(PushOutcome::Superseded);
        }
    }
}
