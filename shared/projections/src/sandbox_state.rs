//! One sandbox: the fold of its own stream, which is also the lock on its workspace.

use gitledger_events::operation::SandboxRequested;
use gitledger_events::sandbox::{
    KillReason, Reuse, SandboxCreated, SandboxLeased, SandboxReleased, WorkspaceOpened,
};
use gitledger_events::{Actor, Event, Fact, Repo};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::running::RunningClock;

/// Where a sandbox is in its life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// No event says that it was created.
    #[default]
    Unknown,
    /// It runs and costs.
    Running,
    /// It sleeps and costs nothing.
    Paused,
    /// It is no more.
    Gone(Gone),
}

/// Why a sandbox is no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gone {
    /// One of us killed it.
    Killed(KillReason),
    /// It reached the end of its life.
    Expired,
    /// Nobody here did it; the text says how it was noticed.
    Lost(String),
}

/// One operation has the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lease {
    /// Whose lease.
    pub operation_id: Uuid,
    /// Which one; a later epoch makes an earlier one void.
    pub epoch: u64,
    /// When it lapses.
    pub until: Timestamp,
}

/// What its stream says about one sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxState {
    /// Its E2B id.
    pub id: String,
    /// The version of the last event seen: what the next append expects. 0 before the first.
    pub version: u64,
    /// Where it is in its life.
    pub phase: Phase,
    /// The request that it answers ([`SandboxRequested`]).
    pub request_id: Option<Uuid>,
    /// When its creation was recorded.
    pub created_at: Option<Timestamp>,
    /// When E2B kills it, unless it is extended.
    pub expires_at: Option<Timestamp>,
    /// Virtual processors allocated.
    pub vcpu: u32,
    /// Memory allocated, in MiB.
    pub memory_mb: u32,
    /// The E2B template.
    pub template: String,
    /// The API key that made it: whose it is, whoever uses it meanwhile.
    #[serde(default)]
    pub key_id: Option<String>,
    /// Who had it last: the creator, then whoever leases it.
    pub actor: Actor,
    /// The repository in it; of the creating operation until a workspace is opened.
    pub repo: Option<Repo>,
    /// The working copy in it, once there is one.
    pub workspace: Option<WorkspaceOpened>,
    /// The last lease that was not released; it may have lapsed, see [`Self::lease_at`].
    pub lease: Option<Lease>,
    /// The epoch of the last lease ever given; 0 before the first.
    pub epoch: u64,
    /// When something was last done with it.
    pub last_used_at: Option<Timestamp>,
    /// How it is kept, where a caller asked for it.
    pub kept: Kept,
    /// A caller asked that it lives until then, paused or not.
    pub kept_until: Option<Timestamp>,
    /// Completed running time, in microseconds; see [`Self::running_micros`].
    pub ran_micros: u64,
    clock: RunningClock,
}

/// How a sandbox is kept otherwise than the policy says; `None`: as it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Paused after so many seconds without use; 0: never.
    pub pause_after_s: Option<u64>,
    /// Ended after so many seconds without use.
    pub ttl_s: Option<u64>,
}

impl SandboxState {
    /// The state after a whole stream.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut state = Self::default();
        for event in events {
            state.evolve(event);
        }
        state
    }

    /// Takes in the next event of this sandbox's stream; events of other streams change nothing.
    pub fn evolve(&mut self, event: &Event) {
        let Some(id) = event.stream.sandbox_id() else { return };
        if self.id.is_empty() {
            id.clone_into(&mut self.id);
        } else if self.id != id {
            return;
        }
        self.version = event.version;
        if let Some(span) = self.clock.apply(event) {
            self.ran_micros = self.ran_micros.saturating_add(span.micros());
        }
        match &event.event.fact {
            Fact::SandboxCreated(created) => self.created(created, event),
            Fact::SandboxLeased(leased) => self.leased(leased, event),
            Fact::SandboxReleased(released) => self.released(released, event),
            Fact::WorkspaceOpened(opened) => self.opened(opened, event),
            Fact::SandboxExtended(extended) => {
                self.expires_at = Some(extended.expires_at);
                self.kept_until = Some(extended.expires_at);
                self.used(event.event.recorded_at);
            }
            Fact::SandboxKept(kept) => {
                self.kept = Kept { pause_after_s: kept.pause_after_s, ttl_s: kept.ttl_s };
            }
            Fact::SandboxPaused(_) => self.phase = Phase::Paused,
            Fact::SandboxResumed(resumed) => {
                self.phase = Phase::Running;
                self.expires_at = Some(resumed.expires_at);
                self.last_used_at = Some(event.event.recorded_at);
            }
            Fact::SandboxKilled(killed) => self.gone(Gone::Killed(killed.reason)),
            Fact::SandboxExpired(_) => self.gone(Gone::Expired),
            Fact::SandboxLost(lost) => self.gone(Gone::Lost(lost.evidence.clone())),
            _ => {}
        }
    }

    /// True for a sandbox that exists, running or paused.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Paused)
    }

    /// Whether it runs at `now`: not paused, not gone, not past its expiry.
    pub fn runs(&self, now: Timestamp) -> bool {
        self.phase == Phase::Running && self.clock.runs(now)
    }

    /// The lease that holds at `now`, if one does.
    pub fn lease_at(&self, now: Timestamp) -> Option<&Lease> {
        self.lease.as_ref().filter(|lease| now < lease.until)
    }

    /// Something was done with it that its stream does not tell: a read takes no lease, and is a use all the same.
    pub fn used(&mut self, at: Timestamp) {
        self.last_used_at = self.last_used_at.max(Some(at));
    }

    /// Whether it was made for whoever comes, and nobody has come: no lease ever, no repository, no owner.
    pub fn waits_in_pool(&self) -> bool {
        self.epoch == 0
            && self.repo.is_none()
            && self.workspace.is_none()
            && self.key_id.is_none()
            && self.actor.agent_id.is_none()
    }

    /// The epoch of the next lease.
    pub fn next_epoch(&self) -> u64 {
        self.epoch.saturating_add(1)
    }

    /// How long it has run by `now`, in microseconds; pauses and the time after expiry excluded.
    pub fn running_micros(&self, now: Timestamp) -> u64 {
        let open = self.clock.open(now).map_or(0, super::running::Span::micros);
        self.ran_micros.saturating_add(open)
    }

    /// How long nothing has been done with it by `now`, in microseconds; 0 while a lease holds.
    pub fn idle_micros(&self, now: Timestamp) -> u64 {
        let Some(used) = self.last_used_at else { return 0 };
        if self.lease_at(now).is_some() {
            return 0;
        }
        u64::try_from(now.as_microsecond().saturating_sub(used.as_microsecond())).unwrap_or(0)
    }

    fn created(&mut self, created: &SandboxCreated, event: &Event) {
        let at = event.event.recorded_at;
        self.phase = Phase::Running;
        self.request_id = Some(created.request_id);
        self.created_at = Some(at);
        self.expires_at = Some(created.expires_at);
        self.vcpu = created.vcpu;
        self.memory_mb = created.memory_mb;
        self.template.clone_from(&created.template);
        self.actor = event.event.actor.clone();
        self.key_id.clone_from(&self.actor.key_id);
        self.repo.clone_from(&event.event.repo);
        self.last_used_at = Some(at);
    }

    fn leased(&mut self, leased: &SandboxLeased, event: &Event) {
        self.lease =
            Some(Lease { operation_id: leased.operation_id, epoch: leased.epoch, until: leased.until });
        self.epoch = self.epoch.max(leased.epoch);
        self.actor = event.event.actor.clone();
        // The pool's are nobody's until somebody takes one.
        if leased.reuse == Reuse::Warm {
            self.key_id.clone_from(&self.actor.key_id);
        }
        if self.workspace.is_none() && event.event.repo.is_some() {
            self.repo.clone_from(&event.event.repo);
        }
        self.last_used_at = Some(event.event.recorded_at);
    }

    fn released(&mut self, released: &SandboxReleased, event: &Event) {
        // A late release of an earlier lease must not take away the present one.
        if self.lease.as_ref().is_some_and(|lease| lease.epoch == released.epoch) {
            self.lease = None;
        }
        self.last_used_at = Some(event.event.recorded_at);
    }

    fn opened(&mut self, opened: &WorkspaceOpened, event: &Event) {
        self.workspace = Some(opened.clone());
        if event.event.repo.is_some() {
            self.repo.clone_from(&event.event.repo);
        }
        self.last_used_at = Some(event.event.recorded_at);
    }

    fn gone(&mut self, why: Gone) {
        self.phase = Phase::Gone(why);
        self.lease = None;
    }
}

/// The operation that fills the pool.
pub const FILLS_POOL: &str = "sandbox-warm";

/// A sandbox that was asked for and of whose creation nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRequest {
    /// In the sandbox's metadata, if it exists.
    pub request_id: Uuid,
    /// The operation that asked.
    pub operation_id: Uuid,
    /// When it asked.
    pub requested_at: Timestamp,
    /// The E2B template.
    pub template: String,
    /// The life asked for, in seconds: after it E2B has killed the sandbox anyway.
    pub timeout_s: u64,
    /// True when the operation has ended: nobody waits for the answer any more.
    pub operation_ended: bool,
    /// True when it is made for the pool.
    #[serde(default)]
    pub for_pool: bool,
}

impl OpenRequest {
    pub(crate) fn new(requested: &SandboxRequested, event: &Event) -> Self {
        Self {
            request_id: requested.request_id,
            operation_id: event.event.correlation_id,
            requested_at: event.event.recorded_at,
            template: requested.template.clone(),
            timeout_s: requested.timeout_s,
            operation_ended: false,
            for_pool: event.event.operation.as_deref() == Some(FILLS_POOL),
        }
    }
}
