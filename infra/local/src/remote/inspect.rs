//! What is in a repository of the remote, told by git from the inside and not over the wire.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::address::RepositoryName;
use super::git;

/// Every reference by its full name (`refs/heads/main`), with the object id it holds.
pub fn refs(root: &Path, repository: &str) -> io::Result<BTreeMap<String, String>> {
    let dir = existing(root, repository)?;
    let mut list = git::command();
    list.arg("--git-dir").arg(&dir).args(["for-each-ref", "--format=%(refname) %(objectname)"]);
    let text = String::from_utf8_lossy(&git::run(&mut list)?.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.into(), b.into())).collect())
}

/// Whether `branch` has the commit `oid` (hexadecimal) in its history. An object or a branch that does not
/// exist is `false`; a repository that does not exist is an error.
pub fn contains(root: &Path, repository: &str, oid: &str, branch: &str) -> io::Result<bool> {
    let dir = existing(root, repository)?;
    if oid.is_empty() || !oid.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not an object id"));
    }
    let branch = format!("refs/heads/{branch}");
    let says = |args: &[&str]| -> io::Result<Option<i32>> {
        Ok(git::command().arg("--git-dir").arg(&dir).args(args).output()?.status.code())
    };
    for known in [format!("{oid}^{{commit}}"), format!("{branch}^{{commit}}")] {
        if says(&["cat-file", "-e", &known])? != Some(0) {
            return Ok(false);
        }
    }
    match says(&["merge-base", "--is-ancestor", oid, &branch])? {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        other => Err(io::Error::other(format!("git merge-base ended with {other:?}"))),
    }
}

/// The directory of a repository that exists.
pub(super) fn existing(root: &Path, repository: &str) -> io::Result<PathBuf> {
    let dir = RepositoryName::parse(repository)?.dir(root);
    if dir.is_dir() {
        return Ok(dir);
    }
    Err(io::Error::new(io::ErrorKind::NotFound, format!("no such repository: {repository}")))
}
