//! What is here and what the remote has is known: is there something to send, and may it be sent?

use super::look;
use super::machine::{End, Machine, Phase};
use super::wish::{Expected, Source};
use crate::failure::{classify, codes};
use crate::git::commit;
use crate::git::script::Script;
use crate::plan::Ended;
use crate::{Exits, Failure};
use gitledger_events::operation::SideEffect;

impl Machine<'_> {
    pub(super) fn prepared_here(&mut self, script: &Script, exits: &Exits) -> Result<(), End> {
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
            Some("source") => Some(self.nothing_to_send()),
            Some(_) => Some(classify(exits, self.touched())),
        };
        if let Some(failure) = failure {
            return Err(self.failed(failure));
        }
        self.new = script.line(exits, "source");
        let name = script.line(exits, "branch").unwrap_or_default();
        name.trim_start_matches("refs/heads/").clone_into(&mut self.branch);
        self.uncommitted = script.line(exits, "changes").is_some();
        let reference = self.wish.target(&self.branch);
        let as_guessed = reference == self.reference;
        self.reference = reference;
        self.permitted()?;
        if as_guessed {
            return self.tip_is_known(script, exits);
        }
        self.phase = Phase::Tip;
        Ok(())
    }

    pub(super) fn dry(&self) -> bool {
        self.context.envelope.dry_run
    }

    pub(super) fn nothing_to_send(&self) -> Failure {
        match &self.wish.source {
            Source::Revision(name) => {
                Failure::new(codes::REF_NOT_FOUND, format!("The workspace has no {name:?}."))
            }
            _ => Failure::new(codes::EMPTY_REPOSITORY, "There is no commit to push."),
        }
    }

    /// Where the remote is where it was last seen, and HEAD builds upon that, nothing need be fetched.
    pub(super) fn tip_is_known(&mut self, script: &Script, exits: &Exits) -> Result<(), End> {
        self.old = script.exit(exits, "tip").and_then(|exit| look::tip(exit, &self.reference));
        let as_wished = self.old == self.new;
        if !as_wished && !self.is_expected() {
            let failure = self.unexpected(self.old.as_ref());
            return Err(self.failed(failure));
        }
        let as_seen = script.line(exits, "known") == self.old && script.ok(exits, "ahead");
        if self.dry() && (self.uncommitted || !as_wished) {
            if self.new.is_none() {
                return Err(self.preview_of_deletion());
            }
            self.phase = Phase::Preview;
            return Ok(());
        }
        if self.old.is_none() || as_seen || as_wished || !self.wish.joins() {
            return self.send();
        }
        self.phase = Phase::Integrate;
        Ok(())
    }

    /// Whether the remote has what the wish says.
    pub(super) fn is_expected(&self) -> bool {
        match self.wish.expected {
            Expected::Ancestor => true,
            Expected::Absent => self.old.is_none(),
            Expected::Exactly(expected) => self.old.as_deref() == Some(expected),
        }
    }
}
