//! One sandbox as the control plane knows it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::cell::Cell;
use super::envd_client::EnvdClient;

/// The longest sleep before the wall clock is looked at again: it can be set, and a laptop can sleep.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) template: String,
    pub(super) timeout: SignedDuration,
    pub(super) on_timeout: OnTimeout,
    /// A request to a paused sandbox wakes it.
    pub(super) auto_resume: bool,
    pub(super) network: bool,
    /// Whether envd asks for a token.
    pub(super) secure: bool,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) env_vars: BTreeMap<String, String>,
}

/// What happens at a sandbox's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnTimeout {
    Kill,
    Pause,
}

/// Whether its processes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    Paused,
}

impl Phase {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
        }
    }
}

/// What changes in a sandbox's life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    pub(super) phase: Phase,
    /// When it is killed, or paused; of no meaning while it is paused.
    pub(super) end_at: Timestamp,
}

/// A sandbox: what was asked for, its life so far, and its processes.
pub(super) struct Sandbox {
    pub(super) id: String,
    pub(super) order: Order,
    pub(super) token: Option<String>,
    pub(super) started_at: Timestamp,
    pub(super) cell: Cell,
    pub(super) envd: EnvdClient,
    status: Mutex<Status>,
    changed: Notify,
    /// Held while it is paused, resumed or destroyed.
    pub(super) transition: tokio::sync::Mutex<()>,
}

impl Sandbox {
    pub(super) fn new(id: String, order: Order, token: Option<String>, cell: Cell) -> Self {
        let started_at = Timestamp::now();
        let status = Status { phase: Phase::Running, end_at: after(started_at, order.timeout) };
        let envd = EnvdClient::new(cell.socket());
        Self {
            id,
            order,
            token,
            started_at,
            cell,
            envd,
            status: Mutex::new(status),
            changed: Notify::new(),
            transition: tokio::sync::Mutex::new(()),
        }
    }

    pub(super) fn status(&self) -> Status {
        *self.lock()
    }

    pub(super) fn is_running(&self) -> bool {
        self.status().phase == Phase::Running
    }

    /// Sets the end to `timeout` from now; `extend` never brings it nearer.
    pub(super) fn end_in(&self, timeout: SignedDuration, extend: bool) {
        let end_at = after(Timestamp::now(), timeout);
        let mut status = self.lock();
        if !extend || end_at > status.end_at {
            status.end_at = end_at;
        }
        drop(status);
        self.changed.notify_one();
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.lock().phase = phase;
        self.changed.notify_one();
    }

    /// Completes when it runs and its end has come.
    pub(super) async fn expired(&self) {
        loop {
            let Status { phase, end_at } = self.status();
            match (phase, Duration::try_from(Timestamp::now().duration_until(end_at))) {
                (Phase::Paused, _) => self.changed.notified().await,
                (Phase::Running, Ok(left)) if !left.is_zero() => {
                    let _ = tokio::time::timeout(left.min(LOOK_AGAIN), self.changed.notified()).await;
                }
                (Phase::Running, _) => return,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn after(start: Timestamp, timeout: SignedDuration) -> Timestamp {
    start.checked_add(timeout).unwrap_or(Timestamp::MAX)
}
