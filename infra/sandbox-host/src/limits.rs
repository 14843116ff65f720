//! What one sandbox may use, so that it harms neither the machine nor its neighbours.
//!
//! Two hands hold it: control groups, where the host may make them (processes, memory, processor), and
//! resource limits that envd puts on itself, and so on all that it starts (file size, open files, and the
//! first two again where there are no control groups). Disk has neither: it is measured, see `host/warden.rs`.

use std::io;
use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

const MIB: u64 = 1024 * 1024;

/// One sandbox's limits. Zero means none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Processes and threads at once.
    pub processes: u32,
    /// Memory of all processes together, in MiB; E2B's default. Without control groups: of each process.
    pub memory_mib: u32,
    /// Processors' worth of time, where control groups allow.
    pub cpus: u32,
    /// One file, in MiB; a process that writes beyond is ended by the kernel.
    pub file_mib: u64,
    /// All files together, in MiB. Measured about every second: a sandbox that is over it and still grows has
    /// its commands killed, and takes no uploads until something is deleted.
    pub disk_mib: u64,
    /// Open files of one process.
    pub open_files: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { processes: 512, memory_mib: 512, cpus: 2, file_mib: 4096, disk_mib: 10_240, open_files: 4096 }
    }
}

impl Limits {
    /// No limit at all. For a machine that is limited as a whole, and to show what limits are good for.
    pub const fn none() -> Self {
        Self { processes: 0, memory_mib: 0, cpus: 0, file_mib: 0, disk_mib: 0, open_files: 0 }
    }

    /// Processors as told to clients: there is always some number.
    pub(crate) fn shown_cpus(&self) -> u32 {
        if self.cpus > 0 { self.cpus } else { Self::default().cpus }
    }

    /// Memory as told to clients.
    pub(crate) fn shown_memory_mib(&self) -> u32 {
        if self.memory_mib > 0 { self.memory_mib } else { Self::default().memory_mib }
    }

    /// Disk as told to clients.
    pub(crate) fn shown_disk_mib(&self) -> u64 {
        if self.disk_mib > 0 { self.disk_mib } else { Self::default().disk_mib }
    }

    /// Bytes of memory.
    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        some(u64::from(self.memory_mib) * MIB)
    }

    /// Bytes of disk.
    pub(crate) fn disk_bytes(&self) -> Option<u64> {
        some(self.disk_mib.saturating_mul(MIB))
    }

    /// What envd is to put on itself. `counted` says whether processes can be counted per sandbox: only in a
    /// user namespace of their own; else the user's other processes would count too.
    pub(crate) fn for_envd(&self, memory_grouped: bool, counted: bool) -> ResourceLimits {
        ResourceLimits {
            processes: if counted { some(u64::from(self.processes)) } else { None },
            data_bytes: if memory_grouped { None } else { self.memory_bytes() },
            file_bytes: some(self.file_mib.saturating_mul(MIB)),
            open_files: some(self.open_files),
            open_files_at_first: OPEN_FILES_HAD.get().copied(),
        }
    }
}

fn some(number: u64) -> Option<u64> {
    (number > 0).then_some(number)
}

/// The part that a process can put on itself; its children inherit it and cannot take it off.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct ResourceLimits {
    processes: Option<u64>,
    /// Memory that a process writes to; what is only mapped, as git maps packs, does not count.
    data_bytes: Option<u64>,
    file_bytes: Option<u64>,
    open_files: Option<u64>,
    /// What the host was started with before it raised its own. Where there is no limit this is what processes begin
    /// with; they may raise it, as ever.
    #[serde(default)]
    open_files_at_first: Option<u64>,
}

/// What this process could open before [`raise_open_files`].
static OPEN_FILES_HAD: OnceLock<u64> = OnceLock::new();

/// Lets this process open as many files as the system lets it: every connection is one, and what a login begins with
/// (1024, because of programs that use `select`) is soon reached. Sandboxes begin with what there was before.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Some(had) = limit.current
        && limit.maximum.is_none_or(|most| had < most)
        && let Ok(()) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        let _ = OPEN_FILES_HAD.set(had);
    }
}

impl ResourceLimits {
    /// Puts them on this process. Needs the runtime: a file that grows too long must fail to be written by
    /// envd and not end it, so the signal is taken. What it starts has the signal's usual meaning again.
    pub(crate) fn apply(&self) -> io::Result<()> {
        drop(signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?);
        for (resource, most) in [
            (Resource::Nproc, self.processes),
            (Resource::Data, self.data_bytes),
            (Resource::Fsize, self.file_bytes),
            (Resource::Nofile, self.open_files),
        ] {
            if let Some(most) = most {
                let had = getrlimit(resource).maximum;
                // One that is lower already cannot be raised, and need not be.
                let most = had.map_or(most, |had| had.min(most));
                setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
            }
        }
        if let (None, Some(first)) = (self.open_files, self.open_files_at_first) {
            let maximum = getrlimit(Resource::Nofile).maximum;
            setrlimit(Resource::Nofile, Rlimit { current: Some(first), maximum })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_limited_by_zero() {
        let none = Limits::none().for_envd(false, true);
        assert_eq!(
            (none.processes, none.data_bytes, none.file_bytes, none.open_files),
            (None, None, None, None)
        );
    }

    // In one test: the limit is the whole process's.
    #[tokio::test]
    async fn the_host_opens_what_it_may_and_sandboxes_begin_with_what_it_had() {
        let most = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: Some(1000), maximum: most }).unwrap();
        raise_open_files();
        assert_eq!(getrlimit(Resource::Nofile).current, most);
        let unlimited = Limits::none().for_envd(false, false);
        unlimited.apply().unwrap();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!((limit.current, limit.maximum), (Some(1000), most));
        raise_open_files();
    }

    #[test]
    fn what_control_groups_hold_is_not_held_twice_and_others_processes_are_not_counted() {
        let limits = Limits::default();
        assert_eq!(limits.for_envd(true, true).data_bytes, None);
        assert_eq!(limits.for_envd(false, true).data_bytes, Some(512 * MIB));
        assert_eq!(limits.for_envd(true, false).processes, None);
        assert_eq!(limits.for_envd(true, true).processes, Some(512));
    }
}
