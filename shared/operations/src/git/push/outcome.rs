//! How a push ends, and what is told of it.

use gitledger_events::Fact;
use gitledger_events::operation::{PushAttempted, PushOutcome, PushPrepared, RefChange, SideEffect};

use super::PushOutput;
use super::machine::{End, Machine};
use crate::failure::codes;
use crate::{Done, Failure};

impl Machine<'_> {
    pub(super) fn tell(&mut self, outcome: PushOutcome) {
        self.facts.push(PushAttempted { attempt: self.attempt, outcome }.into());
    }

    pub(super) fn reference(&self) -> String {
        format!("refs/heads/{}", self.target)
    }

    pub(super) fn prepared(&self) -> PushPrepared {
        PushPrepared {
            attempt: self.attempt,
            reference: self.reference(),
            old: self.old.clone(),
            new: self.new.clone(),
        }
    }

    /// What a failure leaves behind: a commit that was made stays, and so does what was put on top of the
    /// remote's.
    pub(super) fn touched(&self) -> SideEffect {
        if self.committed || self.rebased { SideEffect::Applied } else { SideEffect::None }
    }

    /// The end without success. While an attempt is unclear, whatever ended it is no answer to what became
    /// of the push: it is `unknown-outcome`, and the last attempt is left without an end, so that whoever
    /// reads the stream asks the remote.
    pub(super) fn failed(&mut self, failure: Failure) -> End {
        let mut facts = std::mem::take(&mut self.facts);
        let failure = if self.unclear {
            facts.retain(|fact| !matches!(fact, Fact::PushAttempted(_)));
            Failure { code: codes::UNKNOWN_OUTCOME, side_effect: SideEffect::Unknown, ..failure }
        } else {
            failure
        };
        facts.extend(failure.facts.clone());
        let output = failure.output.clone().or_else(|| {
            (!self.new.is_empty()).then(|| {
                serde_json::json!({
                    "commit_hash": self.new,
                    "attempt": self.attempt,
                    "attempts": self.attempt,
                    "committed": self.committed,
                })
            })
        });
        let side_effect = match failure.side_effect {
            SideEffect::None => self.touched(),
            told => told,
        };
        Box::new(Failure { side_effect, output, facts, ..failure }.into())
    }

    pub(super) fn done(&mut self, pushed: bool, superseded: bool) -> End {
        let change = |name: String, old: &Option<String>| {
            let moved = old.as_ref() != Some(&self.new);
            let new = Some(self.new.clone());
            moved.then(|| RefChange { name, old: old.clone(), new })
        };
        let here = change(format!("refs/heads/{}", self.branch), &self.head_before);
        let there = change(format!("refs/remotes/origin/{}", self.target), &self.old).filter(|_| pushed);
        let refs_changed: Vec<RefChange> = here.into_iter().chain(there).collect();
        let output = PushOutput {
            commit_hash: self.new.clone(),
            pushed_branch: self.target.clone(),
            attempt: self.attempt,
            attempts: self.attempt,
            pushed,
            up_to_date: !pushed,
            committed: self.committed,
            rebased: self.rebased,
            remote_before: self.old.clone(),
            superseded,
        };
        let done = Done {
            head_before: self.head_before.clone(),
            head_after: Some(self.new.clone()),
            refs_changed,
            facts: std::mem::take(&mut self.facts),
            ..Done::with(output)
        };
        Box::new(done.into())
    }
}
