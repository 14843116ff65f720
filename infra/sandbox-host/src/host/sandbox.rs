//! One sandbox as the control plane knows it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::cell::{Cell, socket_in};
use super::egress::{Gate, Rules};
use super::envd_client::EnvdClient;
use super::gauge::Gauge;
use super::identity;

/// The longest sleep before the wall clock is looked at again: it can be set, and a laptop can sleep.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// Shown as the template's id.
    pub(super) template: String,
    /// Shown as its name.
    pub(super) alias: String,
    pub(super) timeout: SignedDuration,
    pub(super) on_timeout: OnTimeout,
    /// A request to a paused sandbox wakes it.
    pub(super) auto_resume: bool,
    pub(super) network: bool,
    /// Where it may go, when it goes through the egress proxy. Those in force are the gate's.
    pub(super) rules: Rules,
    /// Whether envd asks for a token.
    pub(super) secure: bool,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) env_vars: BTreeMap<String, String>,
}

/// What happens at a sandbox's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnTimeout {
    Kill,
    /// With its processes, or with its files only.
    Pause {
        memory: bool,
    },
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

/// One stretch of running, from a start or a resume to a pause or an end; what is paid for.
#[derive(Clone, Debug)]
pub(super) struct Execution {
    pub(super) id: String,
    pub(super) started_at: Timestamp,
}

impl Execution {
    fn begin() -> io::Result<Self> {
        Ok(Self { id: identity::uuid()?, started_at: Timestamp::now() })
    }
}

/// A sandbox: what was asked for, its life so far, and its processes.
pub(super) struct Sandbox {
    pub(super) id: String,
    pub(super) order: Order,
    pub(super) token: Option<String>,
    pub(super) started_at: Timestamp,
    pub(super) dir: PathBuf,
    pub(super) envd: EnvdClient,
    pub(super) gauge: Gauge,
    /// The way out, where it is not the machine's network.
    pub(super) gate: Option<Arc<Gate>>,
    life: Mutex<Life>,
    changed: Notify,
    /// Held while it is paused, resumed, copied or destroyed.
    pub(super) transition: tokio::sync::Mutex<()>,
}

struct Life {
    status: Status,
    execution: Execution,
    /// None while it is paused without its processes.
    cell: Option<Arc<Cell>>,
    over: bool,
}

impl Sandbox {
    pub(super) fn new(
        id: String,
        order: Order,
        token: Option<String>,
        dir: &Path,
        cell: Cell,
        gate: Option<Arc<Gate>>,
    ) -> io::Result<Self> {
        let execution = Execution::begin()?;
        let started_at = execution.started_at;
        let status = Status { phase: Phase::Running, end_at: after(started_at, order.timeout) };
        Ok(Self {
            id,
            order,
            token,
            started_at,
            dir: dir.to_path_buf(),
            envd: EnvdClient::new(socket_in(dir)),
            gauge: Gauge::default(),
            gate,
            life: Mutex::new(Life { status, execution, cell: Some(Arc::new(cell)), over: false }),
            changed: Notify::new(),
            transition: tokio::sync::Mutex::new(()),
        })
    }

    pub(super) fn status(&self) -> Status {
        self.lock().status
    }

    pub(super) fn execution(&self) -> Execution {
        self.lock().execution.clone()
    }

    pub(super) fn is_running(&self) -> bool {
        self.status().phase == Phase::Running
    }

    /// Its processes; none while it is paused without them.
    pub(super) fn cell(&self) -> Option<Arc<Cell>> {
        self.lock().cell.clone()
    }

    /// Sets the end to `timeout` from now; `extend` never brings it nearer.
    pub(super) fn end_in(&self, timeout: SignedDuration, extend: bool) {
        let end_at = after(Timestamp::now(), timeout);
        let mut life = self.lock();
        if !extend || end_at > life.status.end_at {
            life.status.end_at = end_at;
        }
        drop(life);
        self.changed.notify_one();
    }

    pub(super) fn set_paused(&self) {
        self.lock().status.phase = Phase::Paused;
        self.changed.notify_one();
    }

    /// Takes its processes away, when it is paused without them.
    pub(super) fn take_cell(&self) -> Option<Arc<Cell>> {
        let taken = self.lock().cell.take();
        self.changed.notify_one();
        taken
    }

    /// It runs again until `timeout` from now, with new processes if it had none.
    pub(super) fn set_running(&self, timeout: SignedDuration, cell: Option<Cell>) -> io::Result<()> {
        let execution = Execution::begin()?;
        let mut life = self.lock();
        life.status = Status { phase: Phase::Running, end_at: after(execution.started_at, timeout) };
        life.execution = execution;
        if let Some(cell) = cell {
            life.cell = Some(Arc::new(cell));
        }
        drop(life);
        self.changed.notify_one();
        Ok(())
    }

    /// Nothing is left of it.
    pub(super) fn set_over(&self) {
        self.lock().over = true;
        self.changed.notify_one();
    }

    /// Completes when it runs and its end has come (true), or when it is gone already (false).
    pub(super) async fn ended(&self) -> bool {
        loop {
            let (Status { phase, end_at }, cell) = {
                let life = self.lock();
                if life.over {
                    return false;
                }
                (life.status, life.cell.clone())
            };
            let left = match (phase, Duration::try_from(Timestamp::now().duration_until(end_at))) {
                (Phase::Paused, _) => None,
                (Phase::Running, Ok(left)) if !left.is_zero() => Some(left.min(LOOK_AGAIN)),
                (Phase::Running, _) => return true,
            };
            tokio::select! {
                () = gone(cell.as_deref()) => {
                    // Unless it was taken away to pause without it.
                    let current = self.cell();
                    if let (Some(cell), Some(current)) = (&cell, &current) && Arc::ptr_eq(cell, current) {
                        return false;
                    }
                }
                () = self.changed.notified() => {}
                () = sleep(left) => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn gone(cell: Option<&Cell>) {
    match cell {
        Some(cell) => cell.exited().await,
        None => std::future::pending().await,
    }
}

async fn sleep(left: Option<Duration>) {
    match left {
        Some(left) => tokio::time::sleep(left).await,
        None => std::future::pending().await,
    }
}

fn after(start: Timestamp, timeout: SignedDuration) -> Timestamp {
    start.checked_add(timeout).unwrap_or(Timestamp::MAX)
}
