//! The one account of a sandbox: its name, home, environment, and where its paths really are.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::connect::{Code, ConnectError};

/// Who runs everything. `root` is accepted as a name, because SDKs pass it, but is this same account:
/// a sandbox here has no privilege to give.
pub(super) const USER: &str = "user";
const HOME: &str = "/home/user";
const ISOLATED_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The directories that are a sandbox's own.
const OWN: [&str; 2] = ["/home", "/tmp"];

/// The account and its view of the file system.
pub(super) struct Account {
    /// Where [`OWN`] really are; none when they are where they say.
    root: Option<PathBuf>,
    env_vars: BTreeMap<String, String>,
}

impl Account {
    pub(super) fn new(root: Option<PathBuf>, env_vars: BTreeMap<String, String>) -> Self {
        Self { root, env_vars }
    }

    /// What the sandbox was created with.
    pub(super) fn env_vars(&self) -> &BTreeMap<String, String> {
        &self.env_vars
    }

    /// Where an absolute path really is on this file system.
    pub(super) fn real(&self, absolute: &Path) -> PathBuf {
        match &self.root {
            Some(root) if OWN.iter().any(|own| absolute.starts_with(own)) => {
                root.join(absolute.strip_prefix("/").unwrap_or(absolute))
            }
            _ => absolute.to_path_buf(),
        }
    }

    /// What a real path is called inside the sandbox.
    pub(super) fn shown(&self, real: &Path) -> PathBuf {
        match self.root.as_deref().map(|root| real.strip_prefix(root)) {
            Some(Ok(inside)) => Path::new("/").join(inside),
            _ => real.to_path_buf(),
        }
    }

    /// The environment of a process that asks for `request` on top of the sandbox's own.
    pub(super) fn environment(&self, request: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let home = self.real(Path::new(HOME)).to_string_lossy().into_owned();
        let mut all = BTreeMap::from([
            ("PATH".to_owned(), self.search_path()),
            ("HOME".to_owned(), home),
            ("USER".to_owned(), USER.to_owned()),
            ("LOGNAME".to_owned(), USER.to_owned()),
        ]);
        if let Some(root) = &self.root {
            all.insert("TMPDIR".into(), root.join("tmp").to_string_lossy().into_owned());
        }
        all.extend(self.env_vars.clone());
        all.extend(request.clone());
        if let Some(root) = &self.root {
            // Last, so that no request can take a process out of the sweep.
            all.insert(crate::settings::MARKER.into(), root.to_string_lossy().into_owned());
        }
        all
    }

    fn search_path(&self) -> String {
        match self.root {
            // Plain processes use the machine's own tools, wherever they are.
            Some(_) => std::env::var("PATH").unwrap_or_else(|_| ISOLATED_PATH.into()),
            None => ISOLATED_PATH.into(),
        }
    }
}

/// The absolute path meant by `path`: from home when relative, `~` is home, no `.` or `..` left.
pub(super) fn absolute(path: &str) -> PathBuf {
    let path = match path.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            Path::new(HOME).join(rest.trim_start_matches('/'))
        }
        _ => Path::new(HOME).join(path),
    };
    let mut clean = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::Normal(name) => clean.push(name),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean
}

/// Checks the user named by basic authentication, the way SDKs choose whose home and rights to use.
pub(super) fn check_user(headers: &HeaderMap) -> Result<(), ConnectError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(()) };
    let name = value
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix("Basic "))
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| ConnectError::new(Code::Unauthenticated, "authorization is not basic"))?;
    check_username(name.split(':').next().unwrap_or_default())
        .map_err(|message| ConnectError::new(Code::Unauthenticated, message))
}

/// Checks a user's name; empty means the default one.
pub(super) fn check_username(name: &str) -> Result<(), String> {
    match name {
        "" | USER | "root" => Ok(()),
        other => Err(format!("invalid username: '{other}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_from_home_and_cannot_climb_over_the_root() {
        for (asked, meant) in [
            ("a/b", "/home/user/a/b"),
            ("~", "/home/user"),
            ("~/a", "/home/user/a"),
            ("~a", "/home/user/~a"),
            ("/tmp/./x/../y", "/tmp/y"),
            ("../../../../etc", "/etc"),
        ] {
            assert_eq!(absolute(asked), Path::new(meant), "{asked}");
        }
    }

    #[test]
    fn own_directories_map_both_ways_and_others_stay() {
        let account = Account::new(Some("/data/s1".into()), BTreeMap::new());
        assert_eq!(account.real(Path::new("/home/user/a")), Path::new("/data/s1/home/user/a"));
        assert_eq!(account.real(Path::new("/tmp")), Path::new("/data/s1/tmp"));
        assert_eq!(account.real(Path::new("/tmpfile")), Path::new("/tmpfile"));
        assert_eq!(account.shown(Path::new("/data/s1/tmp/a")), Path::new("/tmp/a"));
        assert_eq!(account.shown(Path::new("/usr")), Path::new("/usr"));
    }

    #[test]
    fn a_request_cannot_take_off_the_marker() {
        let account = Account::new(Some("/data/s1".into()), BTreeMap::new());
        let asked = BTreeMap::from([(crate::settings::MARKER.to_owned(), String::new())]);
        assert_eq!(account.environment(&asked)[crate::settings::MARKER], "/data/s1");
    }
}
