//! Snapshots: copies of a sandbox's files from which new sandboxes start.
//!
//! Files only: processes are not copied, so a sandbox made from a snapshot has none but envd. They stay when
//! the host ends.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::storage::{private_dir, remove_tree};
use super::{identity, storage};

/// The tag of a snapshot that is named without one.
const TAG: &str = "default";
/// The name of everyone's team, which stands before a snapshot's name.
const TEAM: &str = "local";
/// The description beside the files.
const DESCRIPTION: &str = "snapshot.json";

/// One snapshot.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Snapshot {
    /// What sandboxes made from it show as their template.
    pub(super) template: String,
    name: Option<String>,
    tag: String,
    pub(super) sandbox_id: String,
    pub(super) created_at: Timestamp,
    /// The environment of the sandbox; those made from the snapshot have it too.
    pub(super) env_vars: BTreeMap<String, String>,
}

impl Snapshot {
    /// What it is created from and deleted by.
    pub(super) fn id(&self) -> String {
        match &self.name {
            Some(name) => format!("{TEAM}/{name}:{}", self.tag),
            None => format!("{}:{}", self.template, self.tag),
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.name.iter().map(|name| format!("{TEAM}/{name}:{}", self.tag)).collect()
    }

    /// Its name as sandboxes made from it show it.
    pub(super) fn alias(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.template)
    }

    /// Whether `wanted` means it: id or name, with or without team and tag. Without a tag any is meant when
    /// `any_tag`, else the default one.
    pub(super) fn is_meant(&self, wanted: &str, any_tag: bool) -> bool {
        let (name, tag) = split_tag(wanted);
        let name = name.strip_prefix(TEAM).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
        let tagged = tag.map_or(any_tag || self.tag == TAG, |tag| tag == self.tag);
        tagged && (name == self.template || self.name.as_deref() == Some(name))
    }
}

fn split_tag(text: &str) -> (&str, Option<&str>) {
    text.split_once(':').map_or((text, None), |(name, tag)| (name, Some(tag)))
}

/// The part of a name before and after the colon, when both can stand in an id.
fn parse_name(text: &str) -> Option<(String, String)> {
    let (name, tag) = split_tag(text);
    let name = name.strip_prefix("local/").unwrap_or(name);
    let fits = |part: &str| {
        (1..=128).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    let tag = tag.unwrap_or(TAG);
    (fits(name) && fits(tag)).then(|| (name.to_ascii_lowercase(), tag.to_owned()))
}

/// Why there is no snapshot.
pub(super) enum NoSnapshot {
    /// Such a name cannot be given.
    Name,
    /// The files could not be copied.
    Copy(io::Error),
}

impl From<io::Error> for NoSnapshot {
    fn from(error: io::Error) -> Self {
        Self::Copy(error)
    }
}

/// All snapshots of a host, by their directory's name.
pub(super) struct Snapshots {
    dir: PathBuf,
    all: Mutex<HashMap<String, Arc<Snapshot>>>,
}

impl Snapshots {
    /// Finds those that are there, and removes what was not finished.
    pub(super) fn open(dir: PathBuf) -> io::Result<Self> {
        private_dir(&dir)?;
        let mut all = HashMap::new();
        for entry in fs::read_dir(&dir)?.flatten() {
            let read = fs::read(entry.path().join(DESCRIPTION)).ok();
            match read.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                Some(snapshot) => {
                    all.insert(entry.file_name().to_string_lossy().into_owned(), Arc::new(snapshot));
                }
                None => remove_tree(&entry.path())?,
            }
        }
        Ok(Self { dir, all: Mutex::new(all) })
    }

    /// Copies the files of a sandbox that stands still. One of the same name and tag is replaced.
    pub(super) async fn take(
        &self,
        name: Option<&str>,
        sandbox_id: &str,
        files: &Path,
        env_vars: &BTreeMap<String, String>,
    ) -> Result<Arc<Snapshot>, NoSnapshot> {
        let named = name.map(|name| parse_name(name).ok_or(NoSnapshot::Name)).transpose()?;
        let key = identity::sandbox_id()?;
        let (name, tag) = named.map_or((None, TAG.to_owned()), |(name, tag)| (Some(name), tag));
        let sibling = self.all().values().find(|other| name.is_some() && other.name == name).cloned();
        let template = sibling.map_or_else(|| key.clone(), |sibling| sibling.template.clone());
        let snapshot = Arc::new(Snapshot {
            template,
            name,
            tag,
            sandbox_id: sandbox_id.to_owned(),
            created_at: Timestamp::now(),
            env_vars: env_vars.clone(),
        });
        let dir = self.dir.join(&key);
        if let Err(error) = self.write(&dir, files, &snapshot).await {
            let _ = remove_tree(&dir);
            return Err(error.into());
        }
        let replaced = {
            let mut all = self.all();
            let same = all.iter().find(|(_, other)| snapshot.name.is_some() && other.id() == snapshot.id());
            let same = same.map(|(key, _)| key.clone());
            all.insert(key, Arc::clone(&snapshot));
            same.and_then(|key| all.remove(&key).map(|_| key))
        };
        if let Some(key) = replaced {
            remove_tree(&self.dir.join(key))?;
        }
        Ok(snapshot)
    }

    async fn write(&self, dir: &Path, files: &Path, snapshot: &Snapshot) -> io::Result<()> {
        private_dir(dir)?;
        copy(files, dir).await?;
        // Last: without it the directory is removed at the next start.
        fs::write(dir.join(DESCRIPTION), serde_json::to_vec(snapshot)?)
    }

    /// The one that `wanted` means, the newest if several, and where its files are.
    pub(super) fn find(&self, wanted: &str) -> Option<(PathBuf, Arc<Snapshot>)> {
        let all = self.all();
        let meant = all.iter().filter(|(_, snapshot)| snapshot.is_meant(wanted, false));
        let (key, snapshot) = meant.max_by_key(|(_, snapshot)| snapshot.created_at)?;
        Some((self.dir.join(key), Arc::clone(snapshot)))
    }

    /// Removes what `wanted` means: with a tag that one, without all of the name. False when there is none.
    pub(super) fn remove(&self, wanted: &str) -> io::Result<bool> {
        let mut keys = Vec::new();
        self.all().retain(|key, snapshot| {
            let meant = snapshot.is_meant(wanted, true);
            if meant {
                keys.push(key.clone());
            }
            !meant
        });
        for key in &keys {
            remove_tree(&self.dir.join(key))?;
        }
        Ok(!keys.is_empty())
    }

    /// All, newest first.
    pub(super) fn list(&self) -> Vec<Arc<Snapshot>> {
        let mut all: Vec<_> = self.all().values().cloned().collect();
        all.sort_by_key(|snapshot| std::cmp::Reverse((snapshot.created_at, snapshot.id())));
        all
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Snapshot>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies a sandbox's files with everything about them: modes, times (git's index goes by them), links,
/// holes, attributes. By `cp`, which shares blocks where the file system can.
pub(super) async fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut command = Command::new("cp");
    command.arg("-a").arg("--").args(storage::OWN.map(|name| from.join(name))).arg(to);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("cp: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(name: Option<&str>, tag: &str) -> Snapshot {
        Snapshot {
            template: "i1".into(),
            name: name.map(str::to_owned),
            tag: tag.into(),
            sandbox_id: "i0".into(),
            created_at: Timestamp::UNIX_EPOCH,
            env_vars: BTreeMap::new(),
        }
    }

    #[test]
    fn a_snapshot_is_meant_by_id_and_by_name_with_and_without_team_and_tag() {
        let plain = snapshot(None, "default");
        assert_eq!((plain.id().as_str(), plain.names().len()), ("i1:default", 0));
        for meant in ["i1", "i1:default", "local/i1"] {
            assert!(plain.is_meant(meant, false), "{meant}");
        }
        let named = snapshot(Some("app"), "v1");
        assert_eq!(named.id(), "local/app:v1");
        assert!(named.is_meant("app:v1", false) && named.is_meant("local/app:v1", false));
        assert!(!named.is_meant("app", false), "without a tag the default one is meant");
        assert!(named.is_meant("app", true));
        assert!(!named.is_meant("other/app:v1", true) && !named.is_meant("app:v2", true));
    }

    #[test]
    fn names_that_could_be_paths_or_options_are_refused() {
        assert_eq!(parse_name("App:v1"), Some(("app".into(), "v1".into())));
        assert_eq!(parse_name("app"), Some(("app".into(), "default".into())));
        for bad in ["", "a/b", "a b", "a:b:c", "a:", ":a", "a\n"] {
            assert_eq!(parse_name(bad), None, "{bad:?}");
        }
    }
}
