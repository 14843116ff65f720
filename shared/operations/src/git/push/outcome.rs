//! How a push ends, and what is told of it.

use gitledger_events::Fact;
use gitledger_events::operation::{PushAttempted, PushOutcome, PushPrepared, RefChange, SideEffect};
use serde_json::{Value, json};

use super::machine::{End, Machine};
use super::steps;
use super::wish::{Change, Expected, Source};
use crate::failure::codes;
use crate::{Done, Failure};

/// What came of it, for the answers of the three operations.
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// The remote's reference.
    pub(crate) reference: String,
    /// What it was.
    pub(crate) old: Option<String>,
    /// What it is; `None` when it is gone.
    pub(crate) new: Option<String>,
    /// How many attempts were made; the last one landed.
    pub(crate) attempts: u32,
    /// True when it was this operation that changed it.
    pub(crate) changed: bool,
    /// True when a commit was made first.
    pub(crate) committed: bool,
    /// True when own commits were put on top of others'.
    pub(crate) rebased: bool,
    /// True when commits of others came into the workspace's branch.
    pub(crate) updated: bool,
    /// True when somebody has built upon it since.
    pub(crate) superseded: bool,
    /// What would be done, where that is all that was asked.
    pub(crate) preview: Option<super::preview::Preview>,
}

impl Machine<'_> {
    pub(super) fn tell(&mut self, outcome: PushOutcome) {
        self.facts.push(PushAttempted { attempt: self.attempt, outcome }.into());
    }

    /// The push that is announced. Whatever is sent to a remote is announced with this before.
    pub(super) fn prepared(&self) -> PushPrepared {
        PushPrepared {
            attempt: self.attempt,
            reference: self.reference.clone(),
            old: self.old.clone(),
            new: self.new.clone(),
            force: self.wish.change() == Change::Force,
        }
    }

    /// What a failure leaves behind: a commit that was made stays, and so does what was put on top of the
    /// remote's.
    pub(super) fn touched(&self) -> SideEffect {
        if self.committed || self.rebased || self.updated { SideEffect::Applied } else { SideEffect::None }
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
            self.new.as_ref().map(|new| {
                let (attempt, committed) = (self.attempt, self.committed);
                json!({"commit_hash": new, "attempt": attempt, "attempts": attempt, "committed": committed})
            })
        });
        let side_effect = match failure.side_effect {
            SideEffect::None => self.touched(),
            told => told,
        };
        Box::new(Failure { side_effect, output, facts, ..failure }.into())
    }

    /// The failure of one who expects something at the remote that is not there. `actual` is what is.
    pub(super) fn unexpected(&self, actual: Option<&String>) -> Failure {
        let (name, found) = (&self.reference, actual.map_or("gone", String::as_str));
        let (code, message) = match self.wish.expected {
            Expected::Exactly(expected) => {
                (codes::STALE_LEASE, format!("{name} was expected at {expected}, but it is {found}."))
            }
            Expected::Absent if name.starts_with("refs/tags/") => {
                (codes::TAG_EXISTS, format!("The remote has {name} already, and it is {found}."))
            }
            Expected::Absent => {
                (codes::BRANCH_EXISTS, format!("The remote has {name} already, and it is {found}."))
            }
            Expected::Ancestor => return self.not_forward(actual),
        };
        Failure { output: Some(self.shown(actual)), ..Failure::new(code, message) }
    }

    /// The failure of one who may not overwrite what is there.
    pub(super) fn not_forward(&self, actual: Option<&String>) -> Failure {
        let (name, found) = (&self.reference, actual.map_or("gone", String::as_str));
        let message = format!("What is pushed does not build upon {name}, which is {found}.");
        Failure { output: Some(self.shown(actual)), ..Failure::new(codes::NON_FAST_FORWARD, message) }
    }

    fn shown(&self, actual: Option<&String>) -> Value {
        json!({"reference": self.reference, "remote": actual, "commit_hash": self.new})
    }

    pub(super) fn done(&mut self, pushed: bool, superseded: bool) -> End {
        let moved = |name: String, old: &Option<String>, new: &Option<String>| {
            (old != new).then(|| RefChange { name, old: old.clone(), new: new.clone() })
        };
        let head = if self.wish.source == Source::Head { self.new.clone() } else { self.head_before.clone() };
        let here = moved(format!("refs/heads/{}", self.branch), &self.head_before, &head);
        let there = steps::tracking(&self.reference).filter(|_| pushed);
        let there = there.and_then(|name| moved(name, &self.old, &self.new));
        let done = Done {
            head_before: self.head_before.clone(),
            head_after: head,
            refs_changed: here.into_iter().chain(there).collect(),
            facts: std::mem::take(&mut self.facts),
            ..Done::with(self.pushed(pushed, superseded))
        };
        Box::new(done.into())
    }

    /// The end of one who only asked what would be done.
    pub(super) fn previewed(&mut self, preview: super::preview::Preview) -> End {
        let pushed = Pushed { preview: Some(preview), ..self.pushed(false, false) };
        let head = self.head_before.clone();
        Box::new(Done { head_before: head.clone(), head_after: head, ..Done::with(pushed) }.into())
    }

    fn pushed(&self, pushed: bool, superseded: bool) -> Pushed {
        Pushed {
            reference: self.reference.clone(),
            old: self.old.clone(),
            new: self.new.clone(),
            attempts: self.attempt,
            changed: pushed,
            committed: self.committed,
            rebased: self.rebased,
            updated: self.updated,
            superseded,
            preview: None,
        }
    }
}
