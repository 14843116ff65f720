//! What callers attach to files: pairs of words, kept in extended attributes with the file itself.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::path::Path;

use axum::http::HeaderMap;
use rustix::fs::{
    XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, getxattr, listxattr, listxattr_query,
};
use rustix::io::Errno;

/// By this header, with a key after it, an upload names a value.
const HEADER: &str = "x-metadata-";
/// Attributes without it are not ours and stay as they are.
const PREFIX: &str = "user.e2b.";
/// The system's limit for an attribute's name, prefix and all.
const NAME_BYTES_MAX: usize = 255;
/// One file's names and values together: what the smallest common file system keeps.
const TOTAL_BYTES_MAX: usize = 4096;
/// The longest list of names and the longest value that Linux gives.
const READ_BYTES_MAX: usize = 64 * 1024;

/// The pairs that an upload's headers ask for. An error is a sentence.
pub(super) fn asked(headers: &HeaderMap) -> Result<BTreeMap<String, String>, String> {
    let mut pairs = BTreeMap::new();
    let mut total_bytes = 0;
    for name in headers.keys() {
        let Some(key) = name.as_str().strip_prefix(HEADER).filter(|key| !key.is_empty()) else { continue };
        if PREFIX.len() + key.len() > NAME_BYTES_MAX {
            let limit = NAME_BYTES_MAX - PREFIX.len();
            return Err(format!("invalid metadata: metadata key \"{key}\" exceeds {limit} bytes"));
        }
        let value = headers.get(name).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
        let value = String::from_utf8(value).ok().filter(|value| value.bytes().all(is_printable));
        let value = value.ok_or_else(|| {
            format!("invalid metadata: metadata value for key \"{key}\" is not printable ASCII")
        })?;
        total_bytes += PREFIX.len() + key.len() + value.len();
        pairs.insert(key.to_owned(), value);
    }
    if total_bytes > TOTAL_BYTES_MAX {
        return Err(format!(
            "invalid metadata: total metadata size {total_bytes} exceeds {TOTAL_BYTES_MAX} bytes"
        ));
    }
    Ok(pairs)
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// What a file has. Nothing where the file system keeps none, and nothing that is not text.
pub(super) fn read(path: &Path) -> BTreeMap<String, String> {
    // Nearly every file has nothing, and a directory may have many.
    if matches!(listxattr_query(path), Ok(0) | Err(_)) {
        return BTreeMap::new();
    }
    let mut buffer = vec![0; READ_BYTES_MAX];
    let Ok(length) = listxattr(path, &mut buffer[..]) else { return BTreeMap::new() };
    let names = names(&buffer[..length]);
    let pairs = names.into_iter().filter_map(|name| {
        let length = getxattr(path, &name, &mut buffer[..]).ok()?;
        let value = String::from_utf8(buffer[..length].to_vec()).ok()?;
        Some((key(&name)?, value))
    });
    pairs.collect()
}

/// Makes these the only pairs a file has. Those that it already has are not written again.
pub(super) fn replace(file: &File, pairs: &BTreeMap<String, String>) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES_MAX];
    let length = match flistxattr(file, &mut buffer[..]) {
        Ok(length) => length,
        // Nothing to keep them in. What is read back will say so.
        Err(Errno::OPNOTSUPP) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for name in names(&buffer[..length]) {
        if key(&name).is_none_or(|key| !pairs.contains_key(&key)) {
            fremovexattr(file, &name)?;
        }
    }
    for (key, value) in pairs {
        let name = format!("{PREFIX}{key}");
        let there = fgetxattr(file, &name, &mut buffer[..]);
        if there.is_ok_and(|length| &buffer[..length] == value.as_bytes()) {
            continue;
        }
        match fsetxattr(file, &name, value.as_bytes(), XattrFlags::empty()) {
            Err(Errno::OPNOTSUPP) => return Ok(()),
            set => set?,
        }
    }
    Ok(())
}

/// Our names in a list of all, each with a zero after it.
fn names(list: &[u8]) -> Vec<CString> {
    let names = list.split(|byte| *byte == 0).filter(|name| name.starts_with(PREFIX.as_bytes()));
    names.filter_map(|name| CString::new(name).ok()).collect()
}

fn key(name: &CString) -> Option<String> {
    name.to_str().ok()?.strip_prefix(PREFIX).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn headers_with_the_prefix_are_pairs_and_others_are_not() {
        let asked = asked(&headers(&[("X-Metadata-Purpose", "a b"), ("x-metadata-", "c"), ("other", "d")]));
        assert_eq!(asked, Ok(BTreeMap::from([("purpose".to_owned(), "a b".to_owned())])));
    }

    #[test]
    fn what_no_file_system_would_keep_is_refused() {
        let long = "k".repeat(NAME_BYTES_MAX - PREFIX.len() + 1);
        let name = format!("x-metadata-{long}");
        let value = "v".repeat(TOTAL_BYTES_MAX);
        for pair in [(name.as_str(), "v"), ("x-metadata-a", "\u{e9}"), ("x-metadata-a", value.as_str())] {
            assert!(asked(&headers(&[pair])).is_err());
        }
    }

    #[test]
    fn a_file_has_the_pairs_of_its_last_upload_and_keeps_foreign_attributes() {
        // In the working directory: a machine's /tmp may keep no attributes.
        let file = tempfile::NamedTempFile::new_in(".").unwrap();
        let pairs = |list: &[(&str, &str)]| {
            list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        if fsetxattr(&file, "user.other", b"x", XattrFlags::empty()) == Err(Errno::OPNOTSUPP) {
            return;
        }
        for list in [pairs(&[("a", "1"), ("b", "2")]), pairs(&[("b", "3"), ("c", "")]), pairs(&[])] {
            replace(file.as_file(), &list).unwrap();
            assert_eq!(read(file.path()), list);
        }
        assert_eq!(flistxattr(&file, &mut [0_u8; 64][..]).unwrap(), "user.other\0".len());
    }
}
