//! Watching a directory, and what is below it. Linux only: the events are the kernel's own, one for one.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use serde::Serialize;
use tokio::io::unix::AsyncFd;

const EVENTS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);
/// Room for the events of one read.
const BUFFER_BYTES: usize = 16 * 1024;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Kind {
    #[serde(rename = "EVENT_TYPE_CREATE")]
    Create,
    #[serde(rename = "EVENT_TYPE_WRITE")]
    Write,
    #[serde(rename = "EVENT_TYPE_REMOVE")]
    Remove,
    #[serde(rename = "EVENT_TYPE_RENAME")]
    Rename,
    #[serde(rename = "EVENT_TYPE_CHMOD")]
    Chmod,
}

impl Kind {
    /// Whether what it happened to is there afterwards. After a removal something else may have its name.
    pub(super) fn leaves_entry(self) -> bool {
        matches!(self, Self::Create | Self::Write | Self::Chmod)
    }
}

/// What happened to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Below the watched directory; empty for that itself.
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
}

/// A watched directory.
pub(super) struct Watch {
    root: PathBuf,
    recursive: bool,
    kernel: AsyncFd<OwnedFd>,
    /// The watched directories, by the number that the kernel gave, as paths below the root.
    directories: HashMap<i32, PathBuf>,
    /// Found in a new directory and told before the kernel could; it may tell them again.
    found: HashSet<PathBuf>,
}

impl Watch {
    /// Watches a directory from now on.
    pub(super) fn new(root: PathBuf, recursive: bool) -> io::Result<Self> {
        // The unsafe function that is to take its place asks that the descriptor stays open; an owned one does.
        #[allow(deprecated)]
        let kernel = AsyncFd::new(inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?)?;
        let mut watch = Self { root, recursive, kernel, directories: HashMap::new(), found: HashSet::new() };
        watch.add(PathBuf::new())?;
        if recursive {
            // What is there already is no news.
            watch.add_below(Path::new(""), &mut Vec::new());
            watch.found.clear();
        }
        Ok(watch)
    }

    /// What has happened since the last time; waits until something has.
    pub(super) async fn next(&mut self) -> io::Result<Vec<Change>> {
        loop {
            let events = {
                let mut ready = self.kernel.readable().await?;
                match ready.try_io(|kernel| read(kernel.get_ref())) {
                    Ok(events) => events?,
                    Err(_would_block) => continue,
                }
            };
            let mut changes = Vec::new();
            for event in events {
                self.take(&event, &mut changes)?;
            }
            if !changes.is_empty() {
                return Ok(changes);
            }
        }
    }

    fn add(&mut self, below: PathBuf) -> io::Result<()> {
        let number = inotify::add_watch(&self.kernel, self.root.join(&below), EVENTS)?;
        self.directories.insert(number, below);
        Ok(())
    }

    /// Watches the directories in a directory that is watched, and tells everything found in it: it was made
    /// before the watch was. What vanishes meanwhile is left out.
    fn add_below(&mut self, below: &Path, changes: &mut Vec<Change>) {
        let Ok(children) = fs::read_dir(self.root.join(below)) else { return };
        for child in children.flatten() {
            let path = below.join(child.file_name());
            if self.found.insert(path.clone()) {
                changes.push(Change { path: path.clone(), kind: Kind::Create });
            }
            if child.file_type().is_ok_and(|kind| kind.is_dir()) && self.add(path.clone()).is_ok() {
                self.add_below(&path, changes);
            }
        }
    }

    fn take(&mut self, event: &Event, changes: &mut Vec<Change>) -> io::Result<()> {
        if event.is(ReadFlags::QUEUE_OVERFLOW) {
            return Err(io::Error::other("more happened than the kernel keeps"));
        }
        let Some(directory) = self.directories.get(&event.directory).cloned() else { return Ok(()) };
        if event.is(ReadFlags::IGNORED | ReadFlags::UNMOUNT) {
            self.directories.remove(&event.directory);
            return Ok(());
        }
        let is_root = directory.as_os_str().is_empty();
        if event.name.is_none() && !is_root {
            // What happened to a directory below, its parent tells.
            return Ok(());
        }
        if event.is(ReadFlags::MOVE_SELF) {
            // It is somewhere else now, where nobody asked to watch.
            self.forget(Path::new(""));
        }
        let path =
            event.name.as_deref().map_or(directory.clone(), |name| directory.join(OsStr::from_bytes(name)));
        self.tell(event, &path, changes);
        Ok(())
    }

    fn tell(&mut self, event: &Event, path: &Path, changes: &mut Vec<Change>) {
        let Some(kind) = event.kind() else { return };
        let is_directory = self.recursive && event.is(ReadFlags::ISDIR);
        match kind {
            Kind::Create if self.found.remove(path) => return,
            Kind::Remove | Kind::Rename => {
                self.found.remove(path);
            }
            _ => {}
        }
        changes.push(Change { path: path.into(), kind });
        if is_directory && kind == Kind::Rename {
            self.forget(path);
        }
        if is_directory && kind == Kind::Create && self.add(path.into()).is_ok() {
            self.add_below(path, changes);
        }
    }

    /// Watches a directory that was moved away, and those below it, no more. Moved to a place that is watched,
    /// it is new there.
    fn forget(&mut self, path: &Path) {
        let gone: Vec<i32> = self
            .directories
            .iter()
            .filter(|(_, below)| below.starts_with(path))
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            self.directories.remove(&number);
            let _ = inotify::remove_watch(&self.kernel, number);
        }
    }
}

/// What the kernel tells, in a form of our own.
struct Event {
    directory: i32,
    flags: ReadFlags,
    name: Option<Vec<u8>>,
}

impl Event {
    fn is(&self, any: ReadFlags) -> bool {
        self.flags.intersects(any)
    }

    fn kind(&self) -> Option<Kind> {
        [
            (ReadFlags::CREATE | ReadFlags::MOVED_TO, Kind::Create),
            (ReadFlags::DELETE | ReadFlags::DELETE_SELF, Kind::Remove),
            (ReadFlags::MODIFY, Kind::Write),
            (ReadFlags::MOVED_FROM | ReadFlags::MOVE_SELF, Kind::Rename),
            (ReadFlags::ATTRIB, Kind::Chmod),
        ]
        .into_iter()
        .find(|(flags, _)| self.is(*flags))
        .map(|(_, kind)| kind)
    }
}

fn read(kernel: &OwnedFd) -> io::Result<Vec<Event>> {
    let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
    let mut reader = inotify::Reader::new(kernel, &mut buffer);
    let mut events = Vec::new();
    loop {
        match reader.next() {
            Ok(event) => events.push(Event {
                directory: event.wd(),
                flags: event.events(),
                name: event.file_name().map(|name| name.to_bytes().to_vec()),
            }),
            Err(Errno::WOULDBLOCK) if !events.is_empty() => return Ok(events),
            Err(error) => return Err(error.into()),
        }
        // One read at a time, so that a busy directory cannot keep its news to itself.
        if reader.is_buffer_empty() {
            return Ok(events);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn changes(watch: &mut Watch, count: usize) -> Vec<(String, Kind)> {
        let mut seen = Vec::new();
        let all = async {
            while seen.len() < count {
                seen.extend(watch.next().await.unwrap());
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(10), all).await;
        seen.iter().map(|change| (change.path.to_string_lossy().into_owned(), change.kind)).collect()
    }

    fn told(list: &[(&str, Kind)]) -> Vec<(String, Kind)> {
        list.iter().map(|(path, kind)| ((*path).to_owned(), *kind)).collect()
    }

    #[tokio::test]
    async fn a_files_life_is_told_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(dir.path().into(), false).unwrap();
        fs::write(dir.path().join("a"), "text").unwrap();
        fs::rename(dir.path().join("a"), dir.path().join("b")).unwrap();
        fs::remove_file(dir.path().join("b")).unwrap();
        let expected = told(&[
            ("a", Kind::Create),
            ("a", Kind::Write),
            ("a", Kind::Rename),
            ("b", Kind::Create),
            ("b", Kind::Remove),
        ]);
        assert_eq!(changes(&mut watch, expected.len()).await, expected);
    }

    #[tokio::test]
    async fn directories_made_at_once_are_told_each_once_and_watched() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("old/er")).unwrap();
        let mut watch = Watch::new(dir.path().into(), true).unwrap();
        fs::create_dir_all(dir.path().join("a/b/c")).unwrap();
        let made = told(&[("a", Kind::Create), ("a/b", Kind::Create), ("a/b/c", Kind::Create)]);
        assert_eq!(changes(&mut watch, made.len()).await, made);
        fs::write(dir.path().join("a/b/c/f"), "").unwrap();
        fs::write(dir.path().join("old/er/f"), "").unwrap();
        let written = told(&[("a/b/c/f", Kind::Create), ("old/er/f", Kind::Create)]);
        assert_eq!(changes(&mut watch, written.len()).await, written);
    }

    #[tokio::test]
    async fn a_renamed_directory_is_watched_under_its_new_name() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/in")).unwrap();
        let mut watch = Watch::new(dir.path().into(), true).unwrap();
        fs::rename(dir.path().join("a"), dir.path().join("b")).unwrap();
        let moved = told(&[("a", Kind::Rename), ("b", Kind::Create), ("b/in", Kind::Create)]);
        assert_eq!(changes(&mut watch, moved.len()).await, moved);
        fs::write(dir.path().join("b/in/f"), "").unwrap();
        assert_eq!(changes(&mut watch, 1).await, told(&[("b/in/f", Kind::Create)]));
    }
}
