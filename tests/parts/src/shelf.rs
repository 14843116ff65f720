//! `target/tools`: where brought parts lie, each whole or not there, each made by one process at a time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lies in a part's directory once it is whole. Holds what the part was made from, so that a part of another
/// version is made anew. A mark and not a rename, because Python environments know their own path.
const MARK: &str = ".whole";

/// How long it is waited before a part is tried again: a server that is busy is not for long.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

/// `target/tools`.
pub(super) fn root() -> PathBuf {
    crate::workspace::target().join("tools")
}

/// The directory of a part, made by `fill` if it is not there whole, in up to three tries: it comes over a network.
/// `made_of` says what it is made from.
pub(super) fn part(
    name: &str,
    made_of: &str,
    fill: impl Fn(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let dir = root().join(name);
    if is_whole(&dir, made_of) {
        return Ok(dir);
    }
    let _alone = alone(name)?;
    // Another process may have made it while this one waited.
    if is_whole(&dir, made_of) {
        return Ok(dir);
    }
    super::tell(&format!("bringing {name} ..."));
    let mut pauses = PAUSES.into_iter();
    while let Err(reason) = emptied(&dir).and_then(|()| fill(&dir)) {
        let Some(pause) = pauses.next() else { return Err(reason) };
        super::tell(&format!("{name} is tried again in {} s: {reason}", pause.as_secs()));
        std::thread::sleep(pause);
    }
    fs::write(dir.join(MARK), made_of).map_err(|error| format!("{}: {error}", dir.display()))?;
    super::tell(&format!("{name} is there"));
    Ok(dir)
}

fn emptied(dir: &Path) -> Result<(), String> {
    let made = || {
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        fs::create_dir_all(dir)
    };
    made().map_err(|error| format!("{}: {error}", dir.display()))
}

/// A lock for a part, let go when it is dropped or the process dies.
pub(super) fn alone(name: &str) -> Result<File, String> {
    let file = root().join(format!("{name}.lock"));
    let open = || -> std::io::Result<File> {
        fs::create_dir_all(file.parent().unwrap_or(&file))?;
        let lock = File::create(&file)?;
        if lock.try_lock().is_err() {
            super::tell(&format!("waiting for another process that brings {name} ..."));
            lock.lock()?;
        }
        Ok(lock)
    };
    open().map_err(|error| format!("{}: {error}", file.display()))
}

fn is_whole(dir: &Path, made_of: &str) -> bool {
    fs::read_to_string(dir.join(MARK)).is_ok_and(|found| found == made_of)
}
