//! The processes of a sandbox, found by pid or by tag.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

use super::audience::Audience;
use super::input::Input;
use super::protojson::{Number, or_default};
use crate::connect::{Code, ConnectError};

/// How long an exit is kept for those who connect late.
const EXIT_KEPT: Duration = Duration::from_secs(30);

/// What to run.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct ProcessConfig {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) cmd: String,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub(super) args: Vec<String>,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) envs: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cwd: Option<String>,
}

/// One process that was started here.
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) tag: Option<String>,
    pub(super) config: ProcessConfig,
    pub(super) input: Input,
    pub(super) audience: Audience,
    /// A signal was sent: its end no longer waits for grandchildren that hold the pipes.
    pub(super) signalled: AtomicBool,
}

impl Process {
    /// Sends to the process alone, not its group, as the protocol has it. Harmless after the end, which is
    /// checked; a pid is not given out again in the moment between.
    pub(super) fn signal(&self, signal: Signal) -> Result<(), ConnectError> {
        let gone = || not_found(&Selector { pid: Some(Number(self.pid)), tag: None });
        if self.audience.is_over() {
            return Err(gone());
        }
        self.signalled.store(true, std::sync::atomic::Ordering::Relaxed);
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).ok_or_else(gone)?;
        rustix::process::kill_process(pid, signal)
            .map_err(|error| ConnectError::new(Code::Internal, format!("error sending signal: {error}")))
    }
}

/// Which process is meant.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Selector {
    pid: Option<Number>,
    tag: Option<String>,
}

/// All processes that run, and those that ended a short while ago.
#[derive(Default)]
pub(super) struct ProcessTable {
    processes: Mutex<HashMap<u32, Arc<Process>>>,
}

impl ProcessTable {
    pub(super) fn insert(&self, process: &Arc<Process>) {
        self.lock().insert(process.pid, Arc::clone(process));
    }

    /// The one meant; of several with one tag, one that runs.
    pub(super) fn find(&self, selector: &Selector) -> Result<Arc<Process>, ConnectError> {
        let processes = self.lock();
        let found = match (selector.pid, &selector.tag) {
            (Some(Number(pid)), _) => processes.get(&pid),
            (None, Some(_)) => processes
                .values()
                .filter(|process| process.tag == selector.tag)
                .min_by_key(|process| process.audience.is_over()),
            (None, None) => None,
        };
        found.cloned().ok_or_else(|| not_found(selector))
    }

    /// Like [`Self::find`], but one that runs.
    pub(super) fn find_running(&self, selector: &Selector) -> Result<Arc<Process>, ConnectError> {
        let process = self.find(selector)?;
        if process.audience.is_over() { Err(not_found(selector)) } else { Ok(process) }
    }

    /// Those that run, by pid.
    pub(super) fn running(&self) -> Vec<Arc<Process>> {
        let mut running: Vec<_> =
            self.lock().values().filter(|process| !process.audience.is_over()).cloned().collect();
        running.sort_by_key(|process| process.pid);
        running
    }

    /// Forgets an ended process after a while, unless its pid has been given out again.
    pub(super) async fn forget_later(&self, process: &Arc<Process>) {
        tokio::time::sleep(EXIT_KEPT).await;
        let mut processes = self.lock();
        if processes.get(&process.pid).is_some_and(|current| Arc::ptr_eq(current, process)) {
            processes.remove(&process.pid);
        }
    }

    /// Kills every process with its group: the host is gone.
    pub(super) fn kill_all(&self) {
        for process in self.running() {
            if let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) {
                let _ = kill_process_group(pid, Signal::KILL);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u32, Arc<Process>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_found(selector: &Selector) -> ConnectError {
    let which = match (selector.pid, &selector.tag) {
        (Some(Number(pid)), _) => format!("pid {pid}"),
        (None, Some(tag)) => format!("tag {tag}"),
        (None, None) => {
            return ConnectError::new(Code::InvalidArgument, "process is selected by pid or tag");
        }
    };
    ConnectError::new(Code::NotFound, format!("process with {which} not found"))
}
