//! What a lease has to know of one sandbox: the fold of its stream. Pure.

use gitledger_events::sandbox::{Reuse, WorkspaceOpened};
use gitledger_events::{Actor, DecodeError, Fact, Record, Repo};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// How far two clocks may be apart. A lease is taken over only this long after its end.
pub const SKEW_MAX: SignedDuration = SignedDuration::from_secs(10);

/// An operation has the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whose lease.
    pub operation_id: Uuid,
    /// Which one.
    pub epoch: u64,
    /// When it lapses.
    pub until: Timestamp,
}

/// Where a sandbox is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    /// No event says that it was made.
    #[default]
    Unknown,
    /// It runs.
    Running,
    /// It sleeps.
    Paused,
    /// It is no more.
    Gone,
}

/// One sandbox, as its stream tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseState {
    /// The version of the last event: what the next append expects.
    pub version: u64,
    /// The epoch of the last lease ever given.
    pub epoch: u64,
    /// The lease that was not released. It may have lapsed.
    pub held: Option<Held>,
    /// Where it is in its life.
    pub life: Life,
    /// When E2B ends it, unless it is extended.
    pub expires_at: Option<Timestamp>,
    /// The working copy in it.
    pub workspace: Option<WorkspaceOpened>,
    /// Whose repository it has.
    pub repo: Option<Repo>,
    /// For whom it was made.
    pub actor: Actor,
    /// The API key that made it: whose it is, whoever uses it meanwhile.
    pub key_id: Option<String>,
    /// How long it is kept without use, in seconds, where a caller asked for it.
    pub ttl_s: Option<u64>,
    /// Virtual processors.
    pub vcpu: u32,
    /// Memory in MiB.
    pub memory_mb: u32,
}

impl LeaseState {
    /// Takes in the next event of the stream. One that this program is too old to know counts, and
    /// changes nothing else.
    pub fn evolve(&mut self, record: &Record) -> Result<(), DecodeError> {
        let fact = match record.fact() {
            Err(DecodeError::UnknownType(_)) => None,
            other => Some(other?),
        };
        self.version = record.version;
        if let Some(fact) = fact {
            self.apply(&fact, record.repo.as_ref(), &record.actor);
        }
        Ok(())
    }

    /// What one fact changes, but for the version.
    pub(crate) fn apply(&mut self, fact: &Fact, repo: Option<&Repo>, actor: &Actor) {
        match fact {
            Fact::SandboxCreated(created) => {
                self.life = Life::Running;
                self.expires_at = Some(created.expires_at);
                (self.vcpu, self.memory_mb) = (created.vcpu, created.memory_mb);
                self.repo = repo.cloned();
                self.actor = actor.clone();
                self.key_id.clone_from(&actor.key_id);
            }
            Fact::SandboxLeased(leased) => {
                let (operation_id, epoch, until) = (leased.operation_id, leased.epoch, leased.until);
                self.epoch = self.epoch.max(epoch);
                self.held = Some(Held { operation_id, epoch, until });
                // The pool's are nobody's until somebody takes one.
                if leased.reuse == Reuse::Warm {
                    self.key_id.clone_from(&actor.key_id);
                    (self.actor, self.repo) = (actor.clone(), repo.cloned());
                }
            }
            // The late release of an earlier lease does not end the present one.
            Fact::SandboxReleased(released) => {
                self.held = self.held.take().filter(|held| held.epoch != released.epoch);
            }
            Fact::WorkspaceOpened(opened) => {
                self.workspace = Some(opened.clone());
                self.actor = actor.clone();
                self.repo = repo.cloned().or(self.repo.take());
            }
            Fact::SandboxExtended(extended) => self.expires_at = Some(extended.expires_at),
            Fact::SandboxKept(kept) => self.ttl_s = kept.ttl_s,
            Fact::SandboxPaused(_) => self.life = Life::Paused,
            Fact::SandboxResumed(resumed) => {
                self.life = Life::Running;
                self.expires_at = Some(resumed.expires_at);
            }
            Fact::SandboxKilled(_) | Fact::SandboxExpired(_) | Fact::SandboxLost(_) => {
                self.life = Life::Gone;
                self.held = None;
            }
            _ => {}
        }
    }

    /// The lease that nobody else may take over at `now`.
    pub fn held_at(&self, now: Timestamp) -> Option<&Held> {
        self.held.as_ref().filter(|held| now < takeover(held.until))
    }
}

/// When a lease until `until` may be taken over.
pub(crate) fn takeover(until: Timestamp) -> Timestamp {
    until.saturating_add(SKEW_MAX).unwrap_or(Timestamp::MAX)
}
