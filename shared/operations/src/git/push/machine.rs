//! The push as a state machine: given how the rounds so far ended, what is next.

use std::time::Duration;

use gitledger_events::Fact;
use gitledger_events::operation::{PushOutcome, SideEffect};

use super::attempt::{self, Answer};
use super::look::{self, Verdict};
use super::{Push, PushOutput, steps};
use crate::failure::{classify, classify_exit, codes};
use crate::git::integrate::{self, Join};
use crate::git::script::{Script, remaining};
use crate::git::{commit, pull, staging};
use crate::plan::Ended;
use crate::{Context, Decision, Exits, Failure, Operation, PushKind, Remote};

/// What ends a push early: an answer, or a failure.
pub(super) type End = Box<Decision<PushOutput>>;

/// Kept of the budget for looking at the remote after a push that was stopped.
const LOOK_RESERVE: Duration = Duration::from_secs(30);
/// With less than this nothing new is started.
const USEFUL: Duration = Duration::from_secs(5);

/// Which round is next.
#[derive(Clone, Debug)]
enum Phase {
    /// Commit if asked, look at HEAD and the remote.
    Prepare,
    /// HEAD was on another branch than expected: ask for that one's tip.
    Tip,
    /// Put the own commits on top of the remote's.
    Integrate,
    /// Send.
    Send,
    /// The answer was lost: ask the remote.
    Look(Failure),
    /// Joining was stopped in the middle: put the workspace back.
    Undo(Failure),
}

/// What is known so far.
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own, told to the caller
pub(super) struct Machine<'a> {
    push: &'a Push,
    context: &'a Context<'a>,
    remote: &'a Remote,
    phase: Phase,
    pub(super) branch: String,
    pub(super) target: String,
    pub(super) head_before: Option<String>,
    /// What is pushed.
    pub(super) new: String,
    /// What the remote's branch is.
    pub(super) old: Option<String>,
    pub(super) committed: bool,
    pub(super) rebased: bool,
    /// True when the clone's filter left out what a rebase needs.
    whole: bool,
    /// What the last push sent.
    sent: String,
    /// How many pushes were started.
    pub(super) attempt: u32,
    /// True when an attempt was sent, not answered, and nothing seen since proves what became of it: it may
    /// have landed, or a server may still take it in. While this is so, no failure may say what is left
    /// behind.
    pub(super) unclear: bool,
    /// True when the next round comes after a push that did not do.
    again: bool,
    /// To be appended with the next round, or with the outcome.
    pub(super) facts: Vec<Fact>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(push: &'a Push, context: &'a Context<'a>, remote: &'a Remote) -> Self {
        Self {
            push,
            context,
            remote,
            phase: Phase::Prepare,
            branch: String::new(),
            target: steps::guess(push, context).to_owned(),
            head_before: None,
            new: String::new(),
            old: None,
            committed: false,
            rebased: false,
            whole: false,
            sent: String::new(),
            attempt: 0,
            unclear: false,
            again: false,
            facts: Vec::new(),
        }
    }

    /// The next round.
    pub(super) fn next(mut self, rounds: &[Exits]) -> Decision<PushOutput> {
        if matches!(self.phase, Phase::Send | Phase::Integrate) && !time_is_left(rounds) {
            return *self.failed(Failure::new(codes::TIMEOUT, "There is no time left for another attempt."));
        }
        let script = self.script();
        let mut plan = match &self.phase {
            Phase::Undo(_) => script.writing(self.context, Push::BUDGET, rounds),
            _ => script.talking(self.context, self.remote, Push::BUDGET, rounds),
        };
        let mut announce = std::mem::take(&mut self.facts);
        match &self.phase {
            Phase::Prepare | Phase::Integrate => plan.env.extend(staging::identity(self.context, None, None)),
            Phase::Send => {
                announce.push(self.prepared().into());
                plan.timeout = plan.timeout.saturating_sub(LOOK_RESERVE).max(USEFUL);
            }
            _ => {}
        }
        let next = if matches!(self.phase, Phase::Send) { self.attempt } else { self.attempt + 1 };
        let after = if self.again { attempt::delay(next, self.context.jitter) } else { Duration::ZERO };
        Decision::Run { announce, after, plan }
    }

    fn script(&self) -> Script {
        let (context, remote, target) = (self.context, self.remote, self.target.as_str());
        match &self.phase {
            Phase::Prepare => steps::prepare(self.push, context, remote),
            Phase::Tip => steps::tip(context, remote, target),
            Phase::Integrate => steps::integrate(context, remote, target, self.whole),
            Phase::Send => steps::push(context, remote, target, self.old.as_deref(), &self.new),
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

    /// The policy's word on the target. Nothing is ever forced here.
    pub(super) fn permitted(&mut self) -> Result<(), End> {
        let verdict = self.context.policy.judge(&self.remote.repo(), &self.reference(), PushKind::Forward);
        verdict.map_err(|denied| self.failed(denied.into()))
    }

    fn prepared_here(&mut self, script: &Script, exits: &Exits) -> Result<(), End> {
        self.head_before = script.line(exits, "before");
        self.committed = script.ok(exits, "commit");
        let something_staged = script.exit(exits, "staged").is_some_and(|exit| exit.code != 0);
        let refused = script.exit(exits, "commit").filter(|exit| !exit.ok() && something_staged);
        if let Some(exit) = refused {
            return Err(self.failed(commit::refused(Some(exit), false)));
        }
        // `stopped_at` knows the step; what it means is told in the caller's words.
        let failure = match script.stopped_at(exits) {
            None => None,
            Some(_) if exits.ended != Ended::Normally => Some(classify(exits, SideEffect::Unknown)),
            Some("branch") => Some(Failure::new(codes::DETACHED_HEAD, "HEAD is not on a branch.")),
            Some("unmerged") => Some(commit::unmerged(script.exit(exits, "unmerged"))),
            Some("head") => Some(Failure::new(codes::EMPTY_REPOSITORY, "There is no commit to push.")),
            Some(_) => Some(classify(exits, self.touched())),
        };
        if let Some(failure) = failure {
            return Err(self.failed(failure));
        }
        self.new = script.line(exits, "head").unwrap_or_default();
        let name = script.line(exits, "branch").unwrap_or_default();
        name.trim_start_matches("refs/heads/").clone_into(&mut self.branch);
        let target = self.push.branch.as_ref().unwrap_or(&self.branch);
        let as_guessed = *target == self.target;
        self.target = target.clone();
        self.permitted()?;
        if as_guessed {
            return self.tip_is_known(script, exits);
        }
        self.phase = Phase::Tip;
        Ok(())
    }

    /// Where the remote is where it was last seen, and HEAD builds upon that, nothing need be fetched.
    fn tip_is_known(&mut self, script: &Script, exits: &Exits) -> Result<(), End> {
        let reference = self.reference();
        self.old = script.exit(exits, "tip").and_then(|exit| look::tip(exit, &reference));
        let as_seen = script.line(exits, "known") == self.old && script.ok(exits, "ahead");
        if self.old.is_none() || as_seen || self.old.as_ref() == Some(&self.new) {
            return self.send();
        }
        self.phase = Phase::Integrate;
        Ok(())
    }

    fn integrated(&mut self, script: &Script, exits: &Exits) -> Result<(), End> {
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
        let head = joined.head.oid.unwrap_or_default();
        self.old = script.line(exits, "theirs");
        self.rebased |= head != self.new && Some(&head) != self.old.as_ref();
        self.new = head;
        self.send()
    }

    /// Sends next, unless the remote has it all.
    fn send(&mut self) -> Result<(), End> {
        if self.old.as_ref() == Some(&self.new) {
            // After an attempt whose answer was lost, it was that attempt which landed.
            return Err(self.done(self.attempt > 0, self.attempt > 0 && self.new != self.sent));
        }
        self.sent.clone_from(&self.new);
        self.attempt += 1;
        self.phase = Phase::Send;
        Ok(())
    }

    fn answered(&mut self, script: &Script, exits: &Exits) -> Result<(), End> {
        let failure = classify(exits, self.touched());
        match attempt::read(script, exits, &self.reference()) {
            Answer::Landed => {
                self.tell(PushOutcome::Landed);
                Err(self.done(true, false))
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
                if failure.code.retryable && self.attempt < self.push.max_attempts {
                    self.send_again();
                    return Ok(());
                }
                Err(self.failed(failure))
            }
            Answer::Unclear => {
                self.unclear |= !says_not_now(&failure);
                self.phase = Phase::Look(failure);
                Ok(())
            }
        }
    }

    fn looked(&mut self, exits: &Exits, failure: Failure) -> Result<(), End> {
        // After the two steps that make the room.
        let (verdict, tip) = look::judge(exits, 2, &self.prepared());
        let more = self.attempt < self.push.max_attempts;
        match verdict {
            Verdict::Landed | Verdict::Superseded => {
                self.tell(PushOutcome::Landed);
                Err(self.done(true, verdict == Verdict::Superseded))
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

    fn superseded(&mut self) -> Result<(), End> {
        // By whom? Perhaps by the own earlier attempt, landed late: told only when the join has shown it.
        if !self.unclear {
            self.tell(PushOutcome::Superseded);
        }
        if self.attempt >= self.push.max_attempts {
            let message = format!("Somebody else pushed to {} in between, every time.", self.target);
            let failure = Failure::new(codes::NON_FAST_FORWARD, message);
            return Err(self.failed(Failure { side_effect: self.touched(), ..failure }));
        }
        self.again = true;
        self.phase = Phase::Integrate;
        Ok(())
    }

    /// The remote's branch was joined with: an earlier attempt is in it, or will never be.
    fn settle(&mut self) {
        if std::mem::take(&mut self.unclear) {
            self.tell(PushOutcome::Superseded);
        }
    }

    fn send_again(&mut self) {
        self.again = true;
        self.attempt += 1;
        self.phase = Phase::Send;
    }
}

fn time_is_left(rounds: &[Exits]) -> bool {
    rounds.is_empty() || remaining(Push::BUDGET, rounds) > LOOK_RESERVE + USEFUL
}

/// A status by which a server says that it has taken nothing in. Others, such as a gateway's 502 and 504, may
/// come while the server behind it is still at work.
fn says_not_now(failure: &Failure) -> bool {
    ["429", "501", "503"].iter().any(|status| failure.message.contains(&format!("returned error: {status}")))
}
