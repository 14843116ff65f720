//! What is told about one file or directory.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde::Serialize;

use super::account::{Account, OWNER};
use super::metadata;

/// `filesystem.EntryInfo`. A symlink reports the type and mode of what it leads to, the rest is its own.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    name: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    path: String,
    /// Bytes. A 64-bit number is a string in protobuf's JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    mode: u32,
    permissions: String,
    owner: String,
    group: String,
    modified_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    symlink_target: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(mode: &u32) -> bool {
    *mode == 0
}

/// Reads about what is at `real`, called `shown` inside the sandbox.
pub(super) fn entry(account: &Account, real: &Path, shown: &Path) -> io::Result<Entry> {
    let own = fs::symlink_metadata(real)?;
    let is_link = own.file_type().is_symlink();
    let symlink_target = is_link.then(|| {
        // A link that leads nowhere is told to lead to itself.
        let resolved = fs::canonicalize(real).map(|target| account.shown(&target));
        resolved.as_deref().unwrap_or(shown).to_string_lossy().into_owned()
    });
    let meant = if is_link { fs::metadata(real).ok() } else { Some(own.clone()) };
    Ok(Entry {
        name: shown.file_name().map_or_else(|| "/".into(), |name| name.to_string_lossy().into_owned()),
        kind: meant.as_ref().and_then(kind),
        path: shown.to_string_lossy().into_owned(),
        size: (own.len() > 0).then(|| own.len().to_string()),
        mode: meant.map_or(0, |meant| meant.mode() & 0o777),
        permissions: permissions(own.mode()),
        owner: id_name(own.uid(), rustix::process::getuid().as_raw()),
        group: id_name(own.gid(), rustix::process::getgid().as_raw()),
        modified_time: modified(&own),
        symlink_target,
        metadata: metadata::read(real),
    })
}

fn kind(metadata: &Metadata) -> Option<&'static str> {
    if metadata.is_dir() {
        Some("FILE_TYPE_DIRECTORY")
    } else if metadata.is_file() {
        Some("FILE_TYPE_FILE")
    } else {
        None
    }
}

/// The kinds of file, as their bits of a mode and the letters by which Go prints them.
const KINDS: [(u32, &str); 7] = [
    (0o100_000, ""),
    (0o040_000, "d"),
    (0o120_000, "L"),
    (0o060_000, "D"),
    (0o010_000, "p"),
    (0o140_000, "S"),
    (0o020_000, "Dc"),
];
/// Set user, set group, sticky: Go prints them before the rest.
const SPECIAL: [(u32, char); 3] = [(0o4000, 'u'), (0o2000, 'g'), (0o1000, 't')];

/// As Go prints a file mode, because SDKs show it.
fn permissions(mode: u32) -> String {
    let kind = KINDS.iter().find(|(bits, _)| mode & 0o170_000 == *bits);
    let mut text = kind.map_or("?", |(_, letters)| letters).to_owned();
    text.extend(SPECIAL.iter().filter(|(bit, _)| mode & bit != 0).map(|(_, letter)| letter));
    if text.is_empty() {
        text.push('-');
    }
    let bits = "rwxrwxrwx".chars().enumerate();
    text.extend(bits.map(|(at, letter)| if mode & (0o400 >> at) == 0 { '-' } else { letter }));
    text
}

fn id_name(id: u32, own: u32) -> String {
    match id {
        _ if id == own => OWNER.to_owned(),
        0 => "root".to_owned(),
        65534 => "nobody".to_owned(),
        other => other.to_string(),
    }
}

fn modified(metadata: &Metadata) -> String {
    let nanos = i32::try_from(metadata.mtime_nsec()).unwrap_or_default();
    jiff::Timestamp::new(metadata.mtime(), nanos).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_printed_as_the_original_does() {
        for (mode, text) in [
            (0o100_644, "-rw-r--r--"),
            (0o040_755, "drwxr-xr-x"),
            (0o041_777, "dtrwxrwxrwx"),
            (0o120_777, "Lrwxrwxrwx"),
            (0o104_755, "urwxr-xr-x"),
            (0o020_620, "Dcrw--w----"),
            (0o140_600, "Srw-------"),
        ] {
            assert_eq!(permissions(mode), text);
        }
    }
}
