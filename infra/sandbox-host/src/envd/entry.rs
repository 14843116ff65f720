//! What is told about one file or directory.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use serde::Serialize;

use super::account::{Account, USER};

/// `filesystem.EntryInfo`. A symlink reports the type and mode of what it leads to.
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
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(mode: &u32) -> bool {
    *mode == 0
}

/// Reads about what is at `real`, called `shown` inside the sandbox.
pub(super) fn entry(account: &Account, real: &Path, shown: &Path) -> io::Result<Entry> {
    let own = fs::symlink_metadata(real)?;
    let is_link = own.file_type().is_symlink();
    // A link that leads nowhere is told as itself.
    let target = if is_link { fs::metadata(real).ok() } else { None };
    let symlink_target = is_link.then(|| {
        let resolved = fs::canonicalize(real).or_else(|_| fs::read_link(real)).unwrap_or_default();
        account.shown(&resolved).to_string_lossy().into_owned()
    });
    let meant = target.as_ref().unwrap_or(&own);
    Ok(Entry {
        name: shown.file_name().map_or_else(|| "/".into(), |name| name.to_string_lossy().into_owned()),
        kind: kind(meant),
        path: shown.to_string_lossy().into_owned(),
        size: (meant.len() > 0).then(|| meant.len().to_string()),
        mode: meant.mode() & 0o7777,
        permissions: permissions(&own),
        owner: id_name(own.uid(), rustix::process::getuid().as_raw()),
        group: id_name(own.gid(), rustix::process::getgid().as_raw()),
        modified_time: modified(meant),
        symlink_target,
    })
}

fn kind(metadata: &Metadata) -> Option<&'static str> {
    let file_type = metadata.file_type();
    if file_type.is_dir() {
        Some("FILE_TYPE_DIRECTORY")
    } else if file_type.is_symlink() {
        Some("FILE_TYPE_SYMLINK")
    } else if file_type.is_file() {
        Some("FILE_TYPE_FILE")
    } else {
        None
    }
}

/// As Go prints a file mode, because SDKs show it.
fn permissions(metadata: &Metadata) -> String {
    let file_type = metadata.file_type();
    let first = if file_type.is_dir() {
        'd'
    } else if file_type.is_symlink() {
        'L'
    } else if file_type.is_fifo() {
        'p'
    } else if file_type.is_socket() {
        'S'
    } else if file_type.is_block_device() || file_type.is_char_device() {
        'D'
    } else {
        '-'
    };
    let bits = "rwxrwxrwx".chars().enumerate();
    let mode = metadata.mode();
    std::iter::once(first)
        .chain(bits.map(|(at, letter)| if mode & (0o400 >> at) == 0 { '-' } else { letter }))
        .collect()
}

fn id_name(id: u32, own: u32) -> String {
    match id {
        _ if id == own => USER.to_owned(),
        0 => "root".to_owned(),
        65534 => "nobody".to_owned(),
        other => other.to_string(),
    }
}

fn modified(metadata: &Metadata) -> String {
    let nanos = i32::try_from(metadata.mtime_nsec()).unwrap_or_default();
    jiff::Timestamp::new(metadata.mtime(), nanos).unwrap_or_default().to_string()
}
