//! Which processes belong to a sandbox, and signals to all of them.
//!
//! Read from `/proc`. Where there is none (macOS) nothing is found: envd then ends its processes itself when
//! the host closes its line, and a pause stops nothing.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::settings::MARKER;

/// Between two looks at what is left.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// Looks before giving up: about two seconds.
const LOOKS: u32 = 1000;

/// How a sandbox's processes are told from others.
#[derive(Clone, Debug)]
pub(super) enum Members {
    /// They share a process namespace, as `/proc/PID/ns/pid` names it. None can leave it.
    Namespace(PathBuf),
    /// They carry the marker with this directory, or one under it. One that clears its environment is lost.
    Marked(PathBuf),
}

impl Members {
    /// Those in envd's process namespace; None when that is the host's own, which would be everyone.
    pub(super) fn in_namespace(name: &str) -> Option<Self> {
        let own = fs::read_link("/proc/self/ns/pid").ok()?;
        let name = PathBuf::from(name);
        (name.as_os_str().as_bytes().starts_with(b"pid:[") && name != own).then_some(Self::Namespace(name))
    }

    /// What a scan of all processes finds them under.
    pub(super) fn key(&self) -> &Path {
        match self {
            Self::Namespace(key) | Self::Marked(key) => key,
        }
    }

    /// Kills all, until none is left. False when some would not die in time.
    pub(super) fn kill(&self) -> bool {
        self.repeat(Signal::KILL, |_| true, |_| true)
    }

    /// Kills all but envd and the namespace's first process.
    pub(super) fn kill_commands(&self) -> bool {
        let own = std::process::id().to_string();
        self.repeat(
            Signal::KILL,
            |_| true,
            |proc| {
                let status = fs::read_to_string(proc.join("status")).unwrap_or_default();
                let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                match self {
                    // Numbers from outside to inside; in there the two are the first ones.
                    Self::Namespace(_) => field("NSpid:")
                        .is_some_and(|pids| !matches!(pids.split_whitespace().next_back(), Some("1" | "2"))),
                    Self::Marked(_) => field("PPid:").is_some_and(|parent| parent != own),
                }
            },
        )
    }

    /// Stops all, until none runs.
    pub(super) fn stop(&self) -> bool {
        self.repeat(Signal::STOP, |state| !matches!(state, 'T' | 't'), |_| true)
    }

    /// Lets all go on.
    pub(super) fn go_on(&self) {
        for (pid, _) in self.living(|_| true) {
            let _ = kill_process(pid, Signal::CONT);
        }
    }

    /// Processes may start others while we look, so one look is never enough.
    fn repeat(
        &self,
        signal: Signal,
        wanted: impl Fn(char) -> bool,
        included: impl Fn(&Path) -> bool,
    ) -> bool {
        for _ in 0..LOOKS {
            let left: Vec<_> =
                self.living(&included).into_iter().filter(|(_, state)| wanted(*state)).collect();
            if left.is_empty() {
                return true;
            }
            for (pid, _) in left {
                let _ = kill_process(pid, signal);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        false
    }

    /// Pid and state of all included that are not zombies.
    fn living(&self, included: impl Fn(&Path) -> bool) -> Vec<(Pid, char)> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let own = std::process::id();
        entries
            .flatten()
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<i32>().ok()?, entry.path())))
            .filter(|(pid, proc)| u32::try_from(*pid) != Ok(own) && self.owns(proc) && included(proc))
            .filter_map(|(pid, proc)| Some((Pid::from_raw(pid)?, state(&proc)?)))
            .filter(|(_, state)| !matches!(state, 'Z' | 'X'))
            .collect()
    }

    fn owns(&self, proc: &Path) -> bool {
        match self {
            Self::Namespace(name) => fs::read_link(proc.join("ns/pid")).is_ok_and(|link| link == *name),
            Self::Marked(root) => fs::read(proc.join("environ"))
                .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|entry| marks(entry, root))),
        }
    }
}

fn marks(entry: &[u8], root: &Path) -> bool {
    entry
        .strip_prefix(MARKER.as_bytes())
        .and_then(|rest| rest.strip_prefix(b"="))
        .is_some_and(|marked| Path::new(std::ffi::OsStr::from_bytes(marked)).starts_with(root))
}

/// The letter after the name in `stat`; the name may hold anything, so it is looked for from the end.
fn state(proc: &Path) -> Option<char> {
    let stat = fs::read(proc.join("stat")).ok()?;
    let text = String::from_utf8_lossy(&stat);
    text.rsplit_once(") ")?.1.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_namespace_is_never_a_sandbox() {
        let own = fs::read_link("/proc/self/ns/pid").unwrap();
        assert!(Members::in_namespace(own.to_str().unwrap()).is_none());
        assert!(Members::in_namespace("").is_none());
        assert!(Members::in_namespace("pid:[1]").is_some());
    }

    #[test]
    fn a_mark_counts_for_its_directory_and_those_under_it() {
        let entry = format!("{MARKER}=/data/s/i1");
        assert!(marks(entry.as_bytes(), Path::new("/data/s/i1")));
        assert!(marks(entry.as_bytes(), Path::new("/data/s")));
        assert!(!marks(entry.as_bytes(), Path::new("/data/s/i")));
        assert!(!marks(b"OTHER=/data/s/i1", Path::new("/data/s")));
    }
}
