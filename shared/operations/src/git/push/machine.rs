//! The push as a state machine: given how the rounds so far ended, what is next. A sync and a deletion are
//! pushes too.

use std::time::Duration;

use gitledger_events::Fact;
use gitledger_events::operation::SideEffect;

use super::attempt;
use super::look;
use super::outcome::Pushed;
use super::steps;
use super::wish::Wish;
use crate::failure::codes;
use crate::git::integrate::{self, Join};
use crate::git::script::{Script, remaining};
use crate::git::{staging, workspace};
use crate::plan::Ended;
use crate::{Budget, Context, Decision, Exits, Failure, Remote};

/// What ends a push early: an answer, or a failure.
pub(super) type End = Box<Decision<Pushed>>;

/// What a push, a sync or a deletion may take.
const BUDGET: Budget = Budget::REMOTE;
/// Kept of the budget for looking at the remote after a push that was stopped.
const LOOK_RESERVE: Duration = Duration::from_secs(30);
/// With less than this nothing new is started.
const USEFUL: Duration = Duration::from_secs(5);

/// Which round is next.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// Commit if asked, look at HEAD and the remote.
    Prepare,
    /// HEAD was on another branch than expected: ask for that one's tip.
    Tip,
    /// Put the own commits on top of the remote's.
    Integrate,
    /// Only look what would be sent.
    Preview,
    /// Send.
    Send,
    /// The answer was lost: ask the remote.
    Look(Failure),
    /// Joining was stopped in the middle: put the workspace back.
    Undo(Failure),
}

/// What is next for this wish, given how the rounds so far ended.
pub(crate) fn decide(wish: &Wish<'_>, context: &Context<'_>, rounds: &[Exits]) -> Decision<Pushed> {
    let remote = match workspace::remote(context) {
        Ok(remote) => remote,
        Err(failure) => return failure.into(),
    };
    let mut machine = Machine::new(wish, context, &remote);
    // A reference that is named is judged before anything runs; else as soon as it is known.
    if wish.reference.is_some()
        && let Err(end) = machine.permitted()
    {
        return *end;
    }
    // The rounds are told again from the first; the machine itself keeps nothing between calls.
    for exits in rounds {
        if let Err(end) = machine.take(exits) {
            return *end;
        }
    }
    machine.next(rounds)
}

/// What is known so far.
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own, told to the caller
pub(super) struct Machine<'a> {
    pub(super) wish: &'a Wish<'a>,
    pub(super) context: &'a Context<'a>,
    pub(super) remote: &'a Remote,
    pub(super) phase: Phase,
    /// The current branch.
    pub(super) branch: String,
    /// The full name of the remote's reference.
    pub(super) reference: String,
    pub(super) head_before: Option<String>,
    /// What is pushed; `None` for a deletion.
    pub(super) new: Option<String>,
    /// What the remote's reference is.
    pub(super) old: Option<String>,
    pub(super) committed: bool,
    /// There is something that would be committed; only known where nothing may be changed.
    pub(super) uncommitted: bool,
    pub(super) rebased: bool,
    pub(super) updated: bool,
    /// True when the clone's filter left out what a rebase needs.
    pub(super) whole: bool,
    /// What the last push sent.
    pub(super) sent: Option<String>,
    /// How many pushes were started.
    pub(super) attempt: u32,
    /// True when an attempt was sent, not answered, and nothing seen since proves what became of it: it may
    /// have landed, or a server may still take it in. While this is so, no failure may say what is left
    /// behind.
    pub(super) unclear: bool,
    /// True when the next round comes after a push that did not do.
    pub(super) again: bool,
    /// To be appended with the next round, or with the outcome.
    pub(super) facts: Vec<Fact>,
}

impl<'a> Machine<'a> {
    fn new(wish: &'a Wish<'a>, context: &'a Context<'a>, remote: &'a Remote) -> Self {
        // Which branch it is, is only known when HEAD has been read; the workspace's own is the likely one.
        let guess = context.workspace.map_or("", |opened| opened.branch.as_str());
        Self {
            wish,
            context,
            remote,
            phase: Phase::Prepare,
            branch: String::new(),
            reference: wish.target(guess),
            head_before: None,
            new: None,
            old: None,
            committed: false,
            uncommitted: false,
            rebased: false,
            updated: false,
            whole: false,
            sent: None,
            attempt: 0,
            unclear: false,
            again: false,
            facts: Vec::new(),
        }
    }

    /// The policy's word on what is to become of the remote's reference.
    pub(super) fn permitted(&mut self) -> Result<(), End> {
        let verdict = self.context.policy.judge(&self.remote.repo(), &self.reference, self.wish.kind());
        verdict.map_err(|denied| self.failed(denied.into()))
    }

    /// The next round.
    pub(super) fn next(mut self, rounds: &[Exits]) -> Decision<Pushed> {
        if matches!(self.phase, Phase::Send | Phase::Integrate) && !time_is_left(rounds) {
            return *self.failed(Failure::new(codes::TIMEOUT, "There is no time left for another attempt."));
        }
        let script = self.script();
        let mut plan = match &self.phase {
            Phase::Undo(_) | Phase::Preview => script.writing(self.context, BUDGET, rounds),
            _ => script.talking(self.context, self.remote, BUDGET, rounds),
        };
        let mut announce = std::mem::take(&mut self.facts);
        match &self.phase {
            Phase::Prepare | Phase::Integrate => plan.env.extend(staging::identity(self.context, None, None)),
            Phase::Send => {
                announce.push(self.prepared().into());
                plan.publishes = true;
                plan.timeout = plan.timeout.saturating_sub(LOOK_RESERVE).max(USEFUL);
            }
            _ => {}
        }
        let next = if matches!(self.phase, Phase::Send) { self.attempt } else { self.attempt + 1 };
        let after = if self.again { attempt::delay(next, self.context.jitter) } else { Duration::ZERO };
        Decision::Run { announce, after, plan }
    }

    fn script(&self) -> Script {
        let (context, remote, reference) = (self.context, self.remote, self.reference.as_str());
        let (old, new) = (self.old.as_deref(), self.new.as_deref());
        match &self.phase {
            Phase::Prepare => steps::prepare(self.wish, context, remote, reference),
            Phase::Tip => steps::tip(context, remote, reference),
            Phase::Integrate => steps::integrate(context, remote, reference, self.whole),
            Phase::Preview => self.preview_script(),
            Phase::Send => steps::push(self.wish, context, remote, reference, old, new),
            Phase::Look(_) => look::script(context, remote, &self.prepared()),
            Phase::Undo(_) => Script::default().step("abort", integrate::abort_step(Join::Rebase)),
        }
    }

    /// Takes in how the round ended. `Err` is the end.
    pub(super) fn take(&mut self, exits: &Exits) -> Result<(), End> {
        let script = self.script();
        // They were appended with the round.
        self.facts.clear();
        let again = std::mem::take(&mut self.again);
        match self.phase.clone() {
            Phase::Prepare => self.prepared_here(&script, exits),
            Phase::Tip => match script.failure(exits, self.touched()) {
                Some(failure) => Err(self.failed(failure)),
                None => self.tip_is_known(&script, exits),
            },
            Phase::Integrate => self.integrated(&script, exits),
            Phase::Preview => Err(self.looked_ahead(&script, exits)),
            Phase::Send => self.answered(&script, exits),
            Phase::Look(failure) => self.looked(exits, failure),
            Phase::Undo(failure) => {
                self.again = again;
                let undone = exits.ended == Ended::Normally;
                let side_effect = if undone { self.touched() } else { SideEffect::Unknown };
                Err(self.failed(Failure { side_effect, ..failure }))
            }
        }
    }

    /// Sends next, unless the remote has it all.
    pub(super) fn send(&mut self) -> Result<(), End> {
        if self.old == self.new {
            // After an attempt whose answer was lost, it was that attempt which landed.
            return Err(self.done(self.attempt > 0, self.attempt > 0 && self.new != self.sent));
        }
        self.sent.clone_from(&self.new);
        self.attempt += 1;
        self.phase = Phase::Send;
        Ok(())
    }
}

fn time_is_left(rounds: &[Exits]) -> bool {
    rounds.is_empty() || remaining(BUDGET, rounds) > LOOK_RESERVE + USEFUL
}
