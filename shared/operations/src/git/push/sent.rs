//! A push was sent: what its answer means, or what the remote shows where there is none.

use gitledger_events::operation::{PushOutcome, SideEffect};

use super::attempt::{self, Answer};
use super::look::{self, Verdict};
use super::machine::{End, Machine, Phase};
use crate::failure::{classify, classify_exit, codes};
use crate::git::script::Script;
use crate::{Exits, Failure};

impl Machine<'_> {
    pub(super) fn answered(&mut self, script: &Script, exits: &Exits) -> Result<(), End> {
        let failure = classify(exits, self.touched());
        match attempt::read(script, exits, &self.reference) {
            Answer::Landed => {
                self.tell(PushOutcome::Landed);
                Err(self.done(true, false))
            }
            // Our own check: nothing was sent.
            Answer::Superseded if !self.wish.joins() && script.exit(exits, "push").is_none() => {
                self.tell(PushOutcome::Failed);
                let failure = self.not_forward(self.old.as_ref());
                Err(self.failed(failure))
            }
            Answer::Superseded => self.superseded(),
            Answer::Rejected => {
                self.tell(PushOutcome::Rejected);
                let push = script.exit(exits, "push").cloned().unwrap_or_default();
                let mut failure = classify_exit(&push, self.touched());
                if failure.code == codes::UNKNOWN_GIT_ERROR {
                    failure.code = codes::HOOK_DECLINED;
                }
                Err(self.failed(failure))
            }
            Answer::Failed => {
                self.tell(PushOutcome::Failed);
                if failure.code.retryable && self.attempt < self.wish.max_attempts {
                    self.send_again();
                    return Ok(());
                }
                Err(self.failed(failure))
            }
            Answer::Unclear => {
                let failure = attempt::unanswered(script, exits, failure);
                self.unclear |= !says_not_now(&failure);
                self.phase = Phase::Look(failure);
                Ok(())
            }
        }
    }

    pub(super) fn looked(&mut self, exits: &Exits, failure: Failure) -> Result<(), End> {
        // After the two steps that make the room.
        let seen = look::judge(exits, 2, &self.prepared());
        let (verdict, tip) = (seen.verdict, seen.tip);
        let more = self.attempt < self.wish.max_attempts;
        match verdict {
            Verdict::Landed | Verdict::Superseded => {
                self.tell(PushOutcome::Landed);
                Err(self.done(true, verdict == Verdict::Superseded))
            }
            // Something else is there, and nothing is joined with it. No later look would tell more.
            _ if seen.asked && tip != self.old && !self.wish.joins() => {
                self.unclear = false;
                self.tell(PushOutcome::Unknown);
                let failure = Failure { side_effect: SideEffect::Unknown, ..self.unexpected(tip.as_ref()) };
                Err(self.failed(failure))
            }
            Verdict::NotLanded if tip != self.old => {
                // The reference has moved on without it: the server takes it no more.
                self.unclear = false;
                self.superseded()
            }
            // Not there yet, or not to be told: the same push again is safe, whatever became of this one.
            Verdict::NotLanded | Verdict::Unknown if more && (tip == self.old || tip.is_none()) => {
                self.tell(PushOutcome::Unknown);
                self.send_again();
                Ok(())
            }
            _ => Err(self.failed(failure)),
        }
    }

    pub(super) fn superseded(&mut self) -> Result<(), End> {
        if !self.wish.joins() {
            return self.overtaken();
        }
        // By whom? Perhaps by the own earlier attempt, landed late: told only when the join has shown it.
        if !self.unclear {
            self.tell(PushOutcome::Superseded);
        }
        if self.attempt >= self.wish.max_attempts {
            let name = self.reference.trim_start_matches("refs/heads/");
            let message = format!("Somebody else pushed to {name} in between, every time.");
            let failure = Failure::new(codes::NON_FAST_FORWARD, message);
            return Err(self.failed(Failure { side_effect: self.touched(), ..failure }));
        }
        self.again = true;
        self.phase = Phase::Integrate;
        Ok(())
    }

    /// Somebody else was faster, and what is wanted is not to be put on top of theirs.
    pub(super) fn overtaken(&mut self) -> Result<(), End> {
        let code = self.unexpected(None).code;
        let message = format!("Somebody else changed {} in between.", self.reference);
        let failure = Failure::new(code, message);
        if self.unclear {
            // Or it was the own earlier attempt, landed late.
            self.phase = Phase::Look(failure);
            return Ok(());
        }
        self.tell(PushOutcome::Superseded);
        Err(self.failed(failure))
    }

    pub(super) fn send_again(&mut self) {
        self.again = true;
        self.attempt += 1;
        self.phase = Phase::Send;
    }
}

/// A status by which a server says that it has taken nothing in. Others, such as a gateway's 502 and 504, may
/// come while the server behind it is still at work.
fn says_not_now(failure: &Failure) -> bool {
    ["429", "501", "503"].iter().any(|status| failure.message.contains(&format!("returned error: {status}")))
}
