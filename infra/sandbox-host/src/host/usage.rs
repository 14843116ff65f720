//! What processes and files use, read from the system.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Pid;

use crate::settings::MARKER;

/// What an entry of a directory takes at least, in bytes: empty files fill a disk, too.
const ENTRY_BYTES: u64 = 4096;
const BLOCK_BYTES: u64 = 512;

/// What the processes of one sandbox use together.
#[derive(Clone, Debug, Default)]
pub(super) struct Use {
    /// Of all that live, and of the children that they have waited for.
    pub(super) cpu: Duration,
    pub(super) memory_bytes: u64,
    /// Processes and threads.
    pub(super) processes: u64,
    /// The one with the most memory.
    pub(super) biggest: Option<(u64, Pid)>,
}

/// One look at every process of the machine. Sandboxes are found by [`super::members::Members::key`]. It
/// costs as much for all of them as for one.
pub(super) fn by_sandbox(isolated: bool) -> HashMap<PathBuf, Use> {
    let own = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let mut found: HashMap<PathBuf, Use> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let proc = entry.path();
        let key = if isolated {
            fs::read_link(proc.join("ns/pid")).ok().filter(|link| *link != own)
        } else {
            marked_with(&proc)
        };
        let Some((key, pid)) = key.zip(Pid::from_raw(pid)) else { continue };
        if let Some(one) = fs::read_to_string(proc.join("stat")).ok().as_deref().and_then(stat) {
            let all = found.entry(key).or_default();
            all.cpu += one.cpu;
            all.memory_bytes += one.memory_bytes;
            all.processes += one.processes;
            if all.biggest.is_none_or(|(most, _)| one.memory_bytes > most) {
                all.biggest = Some((one.memory_bytes, pid));
            }
        }
    }
    found
}

fn marked_with(proc: &Path) -> Option<PathBuf> {
    let environ = fs::read(proc.join("environ")).ok()?;
    let mark = format!("{MARKER}=");
    let dir = environ.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(mark.as_bytes()))?;
    Some(PathBuf::from(std::ffi::OsString::from_vec(dir.to_vec())))
}

/// Reads the numbers after the name, which may hold anything.
fn stat(text: &str) -> Option<Use> {
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    // Numbered from the state, which `man proc` calls the third field.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let ticks = field(14)? + field(15)? + field(16)? + field(17)?;
    Some(Use {
        cpu: Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second().max(1)),
        memory_bytes: field(24)? * u64::try_from(rustix::param::page_size()).unwrap_or(4096),
        processes: field(20)?,
        biggest: None,
    })
}

/// What a directory and all in it take on the disk. Symlinks count as themselves. A sandbox that moves things
/// about meanwhile can make it wrong, once.
pub(super) fn disk_bytes(dir: &Path) -> u64 {
    let mut sum = 0;
    let mut look_at = vec![dir.to_path_buf()];
    while let Some(dir) = look_at.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            // Of the entry itself and not of what a link points to.
            let Ok(metadata) = entry.metadata() else { continue };
            sum += (metadata.blocks() * BLOCK_BYTES).max(ENTRY_BYTES);
            if metadata.is_dir() {
                look_at.push(entry.path());
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let text = "7 (a) S 9 (b) R 1 7 7 0 -1 4194304 100 0 0 0 10 20 30 40 20 0 3 0 5 9000 25 184 1 1";
        let one = stat(text).unwrap();
        assert_eq!(one.cpu, Duration::from_secs(1));
        assert_eq!(one.processes, 3);
        assert_eq!(one.memory_bytes, 25 * u64::try_from(rustix::param::page_size()).unwrap());
        assert!(stat("7 (a) S").is_none());
    }

    #[test]
    fn files_count_by_what_they_take_and_links_by_themselves() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("d/big"), vec![1; 100_000]).unwrap();
        fs::write(dir.path().join("empty"), "").unwrap();
        let hole = fs::File::create(dir.path().join("hole")).unwrap();
        hole.set_len(1 << 40).unwrap();
        std::os::unix::fs::symlink("/usr", dir.path().join("link")).unwrap();
        let used = disk_bytes(dir.path());
        assert!((100_000 + 4 * ENTRY_BYTES..1_000_000).contains(&used), "{used}");
    }
}
