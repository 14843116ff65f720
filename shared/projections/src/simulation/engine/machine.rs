//! A simulated sandbox: the state that its stream would fold to, and what only the simulation knows.

use std::collections::VecDeque;

use gitledger_events::sandbox::{
    Reuse, SandboxCreated, SandboxExpired, SandboxExtended, SandboxKilled, SandboxLeased, SandboxPaused,
    SandboxReleased, SandboxResumed, WorkspaceOpened,
};
use gitledger_events::{Actor, Elapsed, Event, Fact, NewEvent, Repo, Stream};
use jiff::Timestamp;
use uuid::Uuid;

use super::TEMPLATE;
use crate::SandboxState;

/// One sandbox.
#[derive(Debug)]
pub struct Machine {
    /// As in production, folded from events.
    pub state: SandboxState,
    /// The event that is told next, kept to be told again with another fact.
    event: Event,
    /// Since when it runs; not while it sleeps or is gone.
    pub runs_since: Option<i64>,
    /// The operation that has the lease.
    pub held_by: Option<u32>,
    /// Those that wait for it.
    pub queue: VecDeque<u32>,
    /// Reads that run in it without a lease.
    pub reading: u32,
    /// When the reaper looks at it next.
    pub look_at: Option<i64>,
    /// It is no more.
    pub gone: bool,
}

/// An instant in microseconds as the events have it.
pub fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

impl Machine {
    /// A new one, running.
    pub fn made(
        number: usize,
        at: i64,
        size: (u32, u32),
        expires: i64,
        actor: Actor,
        repo: Option<Repo>,
    ) -> Self {
        let id = format!("s{number}");
        let stream = Stream::sandbox(&id).unwrap_or_else(|_| Stream::operation(Uuid::nil()));
        let created = SandboxCreated {
            request_id: Uuid::nil(),
            template: TEMPLATE.to_owned(),
            vcpu: size.0,
            memory_mb: size.1,
            creation_ms: Elapsed::ZERO,
            expires_at: instant(expires),
        };
        let event = NewEvent {
            id: Uuid::nil(),
            recorded_at: instant(at),
            operation: None,
            actor,
            repo,
            correlation_id: Uuid::nil(),
            causation_id: None,
            fact: created.into(),
        };
        let mut machine = Self {
            state: SandboxState::default(),
            event: Event { stream, version: 0, event },
            runs_since: Some(at),
            held_by: None,
            queue: VecDeque::new(),
            reading: 0,
            look_at: None,
            gone: false,
        };
        machine.tell_last(at);
        machine
    }

    fn tell(&mut self, at: i64, fact: impl Into<Fact>) {
        self.event.event.fact = fact.into();
        self.tell_last(at);
    }

    fn tell_last(&mut self, at: i64) {
        self.event.version += 1;
        self.event.event.recorded_at = instant(at);
        self.state.evolve(&self.event);
    }

    /// An operation has it until an instant.
    pub fn lease(&mut self, ask: u32, at: i64, until: i64, reuse: Reuse, who: Option<(&Actor, &Repo)>) {
        if let Some((actor, repo)) = who {
            if self.event.event.actor != *actor {
                self.event.event.actor = actor.clone();
            }
            if self.event.event.repo.as_ref() != Some(repo) {
                self.event.event.repo = Some(repo.clone());
            }
        }
        self.held_by = Some(ask);
        let epoch = self.state.next_epoch();
        let operation_id = Uuid::from_u128(u128::from(ask) + 1);
        self.tell(at, SandboxLeased { operation_id, epoch, until: instant(until), reuse });
    }

    /// The lease ends; a working copy is in it from now on, if one was opened.
    pub fn release(&mut self, ask: u32, at: i64, opened: bool) {
        if opened {
            let opened = WorkspaceOpened {
                path: String::new(),
                repo_url: String::new(),
                base_branch: String::new(),
                branch: String::new(),
            };
            self.tell(at, opened);
        }
        self.held_by = None;
        let operation_id = Uuid::from_u128(u128::from(ask) + 1);
        let epoch = self.state.epoch;
        self.tell(at, SandboxReleased { operation_id, epoch, held_ms: Elapsed::ZERO });
    }

    /// It lives longer.
    pub fn extend(&mut self, at: i64, expires: i64) {
        self.tell(at, SandboxExtended { expires_at: instant(expires) });
    }

    /// It sleeps.
    pub fn pause(&mut self, at: i64) {
        self.tell(at, SandboxPaused {});
    }

    /// It runs again.
    pub fn resume(&mut self, at: i64, expires: i64) {
        self.tell(at, SandboxResumed { resume_ms: Elapsed::ZERO, expires_at: instant(expires) });
        self.runs_since = Some(at);
    }

    /// It is ended.
    pub fn kill(&mut self, at: i64, reason: gitledger_events::sandbox::KillReason) {
        self.tell(at, SandboxKilled { reason });
        self.gone = true;
    }

    /// Its life is over.
    pub fn expire(&mut self, at: i64) {
        self.tell(at, SandboxExpired {});
        self.gone = true;
    }

    /// When its life is over, if nothing is done.
    pub fn expires(&self) -> i64 {
        self.state.expires_at.map_or(i64::MAX, Timestamp::as_microsecond)
    }
}
