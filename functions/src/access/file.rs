//! The file of keys: hashes and rights, one file, replaced whole.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitledger_operations::policy::RepoPattern;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ApiKey, Grant, KeyRecord};

/// More keys than anybody has; a bound on what every request looks through.
const KEYS_MAX: usize = 1000;

/// Why the file is of no use. Shows no line of it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", file.display())]
pub struct KeyFileError {
    /// Which.
    pub file: PathBuf,
    /// What is wrong, or what to do.
    pub reason: String,
}

/// Where the keys are kept.
#[derive(Clone, Debug)]
pub struct KeyFile(PathBuf);

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// 1 to 64 printable characters, for people.
    pub name: String,
    /// Everything, in every sandbox.
    pub admin: bool,
    /// Nothing but reads.
    pub read_only: bool,
    /// Only these repositories; all, if empty.
    pub repos: Vec<RepoPattern>,
    /// From when on it is void, if ever.
    pub expires_at: Option<Timestamp>,
}

/// By what it is seen that the file was replaced or changed. `None`: there is no file.
pub(super) type Stamp = Option<(u64, u64, i64, i64, i64, i64)>;

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    keys: Vec<KeyRecord>,
}

/// The keys in the text of such a file, wherever it is kept.
pub fn keys_in(text: &[u8]) -> Result<Vec<KeyRecord>, serde_json::Error> {
    serde_json::from_slice(text).map(|contents: Contents| contents.keys)
}

impl KeyFile {
    /// The file need not be there: then there are no keys.
    pub fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// Every key, also void ones, in the order in which they were made.
    pub fn read(&self) -> Result<Vec<KeyRecord>, KeyFileError> {
        if self.stamp()?.is_none() {
            return Ok(Vec::new());
        }
        let text = std::fs::read(&self.0).map_err(|error| self.wrong(format!("cannot be read: {error}")))?;
        keys_in(&text).map_err(|error| self.wrong(format!("is not understood: {error}")))
    }

    /// Makes a key. The answer is the only copy of its secret.
    pub fn create(&self, new: NewKey, now: Timestamp) -> Result<ApiKey, KeyFileError> {
        let printable = !new.name.chars().any(char::is_control);
        if new.name.is_empty() || new.name.len() > 64 || !printable {
            return Err(self.wrong("a key's name has 1 to 64 printable characters".to_owned()));
        }
        let key = ApiKey::random().ok_or_else(|| self.wrong("the system has no randomness".to_owned()))?;
        let NewKey { name, admin, read_only, repos, expires_at } = new;
        let grant = Grant { key_id: key.id().to_owned(), admin, read_only, repos };
        let grant = Arc::new(grant);
        let secret_sha256 = key.digest();
        let record = KeyRecord { name, secret_sha256, created_at: now, expires_at, revoked_at: None, grant };
        self.change(|keys| {
            if keys.len() >= KEYS_MAX {
                return Err(format!("has {KEYS_MAX} keys already"));
            }
            // Ids are random; twice the same in one file is told, not taken for the same key.
            if keys.iter().any(|known| known.grant.key_id == key.id()) {
                return Err("has a key with this id; try again".to_owned());
            }
            keys.push(record.clone());
            Ok(())
        })?;
        Ok(key)
    }

    /// Revokes a key, for ever. `false`: it was revoked before. Its record stays.
    pub fn revoke(&self, id: &str, now: Timestamp) -> Result<bool, KeyFileError> {
        let mut changed = false;
        self.change(|keys| match keys.iter_mut().find(|record| record.grant.key_id == id) {
            None => Err("has no key with this id; see `gitledger keys list`".to_owned()),
            Some(record) => {
                changed = record.revoked_at.is_none();
                record.revoked_at.get_or_insert(now);
                Ok(())
            }
        })?;
        Ok(changed)
    }

    /// Refuses a file that others may write: whoever writes it makes keys.
    pub(super) fn stamp(&self) -> Result<Stamp, KeyFileError> {
        match std::fs::metadata(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.wrong(format!("cannot be read: {error}"))),
            Ok(found) if found.mode() & 0o022 != 0 => {
                Err(self.wrong("can be written by others; run `chmod 600` on it".to_owned()))
            }
            Ok(found) => Ok(Some((
                found.ino(),
                found.len(),
                found.mtime(),
                found.mtime_nsec(),
                found.ctime(),
                found.ctime_nsec(),
            ))),
        }
    }

    /// Reads, changes and replaces the file, one writer at a time; a reader sees the old or the new one whole.
    fn change(
        &self,
        change: impl FnOnce(&mut Vec<KeyRecord>) -> Result<(), String>,
    ) -> Result<(), KeyFileError> {
        let failed = |error: std::io::Error| self.wrong(format!("cannot be written: {error}"));
        let dir = self.0.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir).map_err(failed)?;
        let lock = private().open(self.0.with_extension("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut keys = self.read()?;
        change(&mut keys).map_err(|reason| self.wrong(reason))?;
        let text = serde_json::to_vec_pretty(&Contents { keys }).map_err(|error| failed(error.into()))?;
        replace(dir, &self.0, &text).map_err(failed)
    }

    fn wrong(&self, reason: String) -> KeyFileError {
        KeyFileError { file: self.0.clone(), reason }
    }
}

/// Readable by its owner only, from its first moment on.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options
}

fn replace(dir: &Path, file: &Path, text: &[u8]) -> std::io::Result<()> {
    let new = file.with_extension("new");
    // What a writer that was killed has left; the lock says that no other is at work.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut written = private().create_new(true).open(&new)?;
    written.write_all(text)?;
    written.sync_all()?;
    std::fs::rename(&new, file)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::Refusal;
    use crate::access::{Access, Principal};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn named(name: &str) -> NewKey {
        NewKey { name: name.to_owned(), admin: false, read_only: false, repos: Vec::new(), expires_at: None }
    }

    fn place() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("data/keys.json");
        (dir, file)
    }

    #[test]
    fn a_file_holds_hashes_and_is_its_owners_alone() {
        let (_dir, path) = place();
        let file = KeyFile::new(path.clone());
        let key = file.create(named("ci"), NOW).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let secret = key.expose().rsplit_once('_').unwrap().1.to_owned();
        assert!(!text.contains(&secret) && text.contains(key.id()), "{text}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!path.with_extension("new").exists());
    }

    #[test]
    fn a_key_is_good_when_it_is_made_and_void_when_it_is_revoked_without_a_restart() {
        let (_dir, path) = place();
        let file = KeyFile::new(path.clone());
        let access = Access::new(path, true);
        assert!(!access.has_a_key(NOW).unwrap());
        let key = file.create(named("ci"), NOW).unwrap();
        let header = format!("Bearer {}", key.expose());
        assert!(access.has_a_key(NOW).unwrap());
        let Principal::Key(grant) = access.principal(Some(&header), NOW).unwrap() else { panic!("no key") };
        assert_eq!(grant.key_id, key.id());
        assert!(file.revoke(key.id(), NOW).unwrap());
        assert!(!file.revoke(key.id(), NOW).unwrap());
        assert!(file.revoke("nosuchkey", NOW).is_err());
        assert!(matches!(access.principal(Some(&header), NOW), Err(Refusal::Unauthenticated { .. })));
        assert!(!access.has_a_key(NOW).unwrap());
    }

    #[test]
    fn a_file_that_cannot_be_trusted_lets_nobody_in() {
        let (_dir, path) = place();
        let key = KeyFile::new(path.clone()).create(named("ci"), NOW).unwrap();
        let header = format!("Bearer {}", key.expose());
        let good = std::fs::read_to_string(&path).unwrap();
        let access = Access::new(path.clone(), true);
        let faulty = || matches!(access.principal(Some(&header), NOW), Err(Refusal::Fault(_)));
        assert!(!faulty());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o602)).unwrap();
        assert!(faulty(), "written by others");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        for bad in ["", "{", "[]", &good.replace("\"name\"", "\"only_on_mondays\": true, \"name\"")] {
            std::fs::write(&path, bad).unwrap();
            assert!(faulty(), "{bad}");
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(faulty(), "a directory");
        std::fs::remove_dir(&path).unwrap();
        assert!(matches!(access.principal(Some(&header), NOW), Err(Refusal::Unauthenticated { .. })));
    }

    #[test]
    fn without_a_key_one_is_the_operator_only_where_none_is_required() {
        let (_dir, path) = place();
        assert_eq!(Access::new(path.clone(), false).principal(None, NOW).unwrap(), Principal::Operator);
        let required = Access::new(path.clone(), true);
        assert!(matches!(required.principal(None, NOW), Err(Refusal::Unauthenticated { .. })));
        let bad = Access::new(path, false).principal(Some("Bearer x"), NOW);
        assert!(matches!(bad, Err(Refusal::Unauthenticated { .. })), "a key that is sent must be good");
    }

    #[test]
    fn of_many_writers_at_once_none_loses_a_key() {
        let (_dir, path) = place();
        let writers: Vec<_> = (0..8)
            .map(|number| {
                let file = KeyFile::new(path.clone());
                std::thread::spawn(move || file.create(named(&format!("k{number}")), NOW).unwrap())
            })
            .collect();
        let made: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        let kept = KeyFile::new(path).read().unwrap();
        assert_eq!(kept.len(), made.len());
        for key in made {
            assert!(kept.iter().any(|record| record.grant.key_id == key.id()));
        }
    }
}
