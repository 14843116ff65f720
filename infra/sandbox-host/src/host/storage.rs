//! The host's directory: one sub-directory per sandbox, and nothing left in it by a host that died.
//!
//! ```text
//! <data_dir>/lock          held by the host that uses the directory
//! <data_dir>/etc/          passwd and group as sandboxes see them
//! <data_dir>/s/<id>/       one sandbox: home/user, root, tmp, envd.sock, envd.log, boot_id
//! <data_dir>/snapshots/    home, root and tmp of each snapshot; these stay when the host ends
//! ```

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::members::Members;

/// A sandbox's own directories, which it keeps and can write to.
pub(super) const OWN: [&str; 3] = ["home", "root", "tmp"];

const PASSWD: &str = "root:x:0:0:root:/root:/usr/sbin/nologin\n\
    user:x:1000:1000:user:/home/user:/bin/bash\n\
    nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n";

/// The directory, held.
pub(super) struct Storage {
    root: PathBuf,
    /// Unlocked when the process ends, however it ends.
    _lock: File,
}

impl Storage {
    /// Takes the directory, then kills and removes what a dead host left there.
    pub(super) fn take(data_dir: &Path) -> io::Result<Self> {
        private_dir(data_dir)?;
        let root = data_dir.canonicalize()?;
        let lock = File::create(root.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::new(
                io::ErrorKind::ResourceBusy,
                format!("another sandbox host uses {}", root.display()),
            ),
            TryLockError::Error(error) => error,
        })?;
        let storage = Self { root, _lock: lock };
        storage.sweep()?;
        private_dir(&storage.etc())?;
        fs::write(storage.etc().join("passwd"), PASSWD)?;
        fs::write(storage.etc().join("group"), GROUP)?;
        private_dir(&storage.sandboxes())?;
        Ok(storage)
    }

    fn sweep(&self) -> io::Result<()> {
        let sandboxes = self.sandboxes();
        if !sandboxes.exists() {
            return Ok(());
        }
        if !Members::Marked(sandboxes.clone()).kill() {
            return Err(io::Error::other("processes of a dead sandbox host do not die"));
        }
        remove_tree(&sandboxes)
    }

    /// Where `passwd` and `group` are.
    pub(super) fn etc(&self) -> PathBuf {
        self.root.join("etc")
    }

    /// Where the sandboxes are.
    pub(super) fn sandboxes(&self) -> PathBuf {
        self.root.join("s")
    }

    /// The host's own directory.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// A sandbox's directory.
    pub(super) fn sandbox(&self, id: &str) -> PathBuf {
        self.sandboxes().join(id)
    }

    /// Makes a sandbox's directory, with nothing in it.
    pub(super) fn make_empty(&self, id: &str) -> io::Result<PathBuf> {
        let dir = self.sandbox(id);
        private_dir(&dir)?;
        Ok(dir)
    }

    /// Makes a sandbox's directories.
    pub(super) fn make_sandbox(&self, id: &str) -> io::Result<PathBuf> {
        let dir = self.make_empty(id)?;
        fs::create_dir_all(dir.join("home/user"))?;
        fs::create_dir(dir.join("root"))?;
        fs::create_dir(dir.join("tmp"))?;
        Ok(dir)
    }
}

pub(super) fn private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Removes a directory, even when what was in it closed its own directories.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(_) => {
            open_directories(path);
            fs::remove_dir_all(path)
        }
        removed => removed,
    }
}

fn open_directories(path: &Path) {
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries.flatten() {
        // The entry's own type: a symlink is not followed out of the tree.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_directories(&entry.path());
        }
    }
}
