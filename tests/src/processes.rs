//! The processes of this machine, as `/proc` shows them to anybody of the same user.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two samples.
const BETWEEN: Duration = Duration::from_millis(2);

/// One process: its number, and when it was started, because numbers are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    pid: u32,
    started: u64,
}

impl Id {
    /// Its number.
    pub fn pid(self) -> u32 {
        self.pid
    }
}

/// The processes that `root` has started, and those that these have started, and so on; not itself.
pub fn descendants(root: u32) -> BTreeSet<Id> {
    let all: Vec<(Id, u32)> =
        pids().filter_map(|pid| stat(pid).map(|(id, parent, _)| (id, parent))).collect();
    let mut family = BTreeSet::from([root]);
    let mut found = BTreeSet::new();
    // A child may stand before its parent in the list: until nothing is added.
    loop {
        let before = found.len();
        for (id, _) in all.iter().filter(|(id, parent)| family.contains(parent) && id.pid != root) {
            found.insert(*id);
        }
        family.extend(found.iter().map(|id| id.pid));
        if found.len() == before {
            return found;
        }
    }
}

/// Whether it still is there and not only waits to be reaped.
pub fn lives(id: Id) -> bool {
    stat(id.pid).is_some_and(|(now, _, state)| now == id && !matches!(state, 'Z' | 'X'))
}

/// What it was started as, for messages.
pub fn shown(id: Id) -> String {
    let words = fs::read(format!("/proc/{}/cmdline", id.pid)).unwrap_or_default();
    format!("{} {}", id.pid, String::from_utf8_lossy(&words).replace('\0', " "))
}

/// Other processes whose arguments or environment hold this text.
pub fn mentioning(text: &str) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    let found =
        pids().filter(|pid| *pid != std::process::id()).filter(|pid| seen(*pid).any(|(_, b)| holds(&b)));
    found.filter_map(stat).filter(|found| found.2 != 'Z').map(|(id, ..)| shown(id)).collect()
}

/// Looks at the arguments and environment of every process again and again, in a thread of its own.
#[derive(Debug)]
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Samples>>,
}

// A test that fails must not leave it running beside the next.
impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// What a sampler saw.
#[derive(Debug, Default)]
pub struct Samples {
    /// Every complaint once.
    pub complaints: BTreeSet<String>,
    /// Looks at all processes.
    pub looks: u64,
    /// Different command lines seen, to show that it saw what was to be seen.
    pub commands: BTreeSet<String>,
}

impl Sampler {
    /// Starts; `judge` says what is wrong with some bytes, or nothing.
    pub fn start(judge: impl Fn(&[u8]) -> Option<String> + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut samples = Samples::default();
            while !told.load(Ordering::Relaxed) {
                samples.look(&judge);
                std::thread::sleep(BETWEEN);
            }
            samples
        });
        Self { stop, thread: Some(thread) }
    }

    /// Ends it; what it saw.
    pub fn end(mut self) -> Samples {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(samples)) => samples,
            _ => panic!("the sampler ended before its time"),
        }
    }
}

impl Samples {
    fn look(&mut self, judge: &impl Fn(&[u8]) -> Option<String>) {
        self.looks += 1;
        for pid in pids() {
            for (what, bytes) in seen(pid) {
                if let Some(complaint) = judge(&bytes) {
                    self.complaints.insert(format!("{what} of process {pid}: {complaint}"));
                }
                if what == "cmdline" && !bytes.is_empty() {
                    self.commands.insert(String::from_utf8_lossy(&bytes).replace('\0', " "));
                }
            }
        }
    }
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What anybody can read of a process. One that has just ended shows nothing.
fn seen(pid: u32) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let read = move |what: &'static str| {
        let file: PathBuf = ["/proc", &pid.to_string(), what].iter().collect();
        fs::read(file).ok().map(|bytes| (what, bytes))
    };
    ["cmdline", "environ"].into_iter().filter_map(read)
}

/// Id, parent and state.
fn stat(pid: u32) -> Option<(Id, u32, char)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything: what follows is counted from its end.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let started = fields.get(19)?.parse().ok()?;
    Some((Id { pid, started }, fields.get(1)?.parse().ok()?, fields.first()?.chars().next()?))
}
