//! The one account of a sandbox: its names, homes, environment, and where its paths really are.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::sudo;
use crate::connect::{Code, ConnectError};

/// Who owns everything, as it is told.
pub(super) const OWNER: &str = "user";
const ISOLATED_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The directories that are a sandbox's own.
const OWN: [&str; 3] = ["/home", "/root", "/tmp"];

/// Whom a request names. Both are the same account, because a sandbox has no privilege to give; they differ in
/// name and home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct User {
    name: &'static str,
    home: &'static str,
}

impl User {
    const ORDINARY: Self = Self { name: OWNER, home: "/home/user" };
    const ROOT: Self = Self { name: "root", home: "/root" };

    /// The user of this name; empty means the default one.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "" | OWNER => Some(Self::ORDINARY),
            "root" => Some(Self::ROOT),
            _ => None,
        }
    }

    /// The user named by basic authentication, the way SDKs choose whose home to use.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ConnectError> {
        let refused = |message: String| ConnectError::new(Code::Unauthenticated, message);
        // Other kinds of authorization are not about users, and not read here.
        let Some(encoded) = basic(headers) else { return Ok(Self::ORDINARY) };
        let name = STANDARD
            .decode(encoded)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| refused("authorization is not readable".into()))?;
        let name = name.split(':').next().unwrap_or_default();
        Self::named(name).ok_or_else(|| refused(format!("invalid username: '{name}'")))
    }

    /// The absolute path meant by `path`: from home when relative, `~` is home, no `.` or `..` left. An error is
    /// a sentence.
    pub(super) fn absolute(self, path: &str) -> Result<PathBuf, String> {
        let home = Path::new(self.home);
        let path = match path.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
            Some(_) => return Err(format!("path '{path}': cannot expand user-specific home dir")),
            None => home.join(path),
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
        Ok(clean)
    }
}

fn basic(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")
}

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

    /// What every process is given.
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
    pub(super) fn environment(
        &self,
        user: User,
        request: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let home = self.real(Path::new(user.home)).to_string_lossy().into_owned();
        let mut all = BTreeMap::from([
            ("PATH".to_owned(), self.search_path()),
            ("HOME".to_owned(), home),
            ("USER".to_owned(), user.name.to_owned()),
            ("LOGNAME".to_owned(), user.name.to_owned()),
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
            None => format!("{}:{ISOLATED_PATH}", sudo::DIR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_from_home_and_cannot_climb_over_the_root() {
        let user = User::named("").unwrap();
        for (asked, meant) in [
            ("", "/home/user"),
            ("a/b", "/home/user/a/b"),
            ("~", "/home/user"),
            ("~/a", "/home/user/a"),
            ("/tmp/./x/../y", "/tmp/y"),
            ("../../../../etc", "/etc"),
        ] {
            assert_eq!(user.absolute(asked).as_deref(), Ok(Path::new(meant)), "{asked}");
        }
        assert!(user.absolute("~other/a").is_err());
        assert_eq!(User::named("root").unwrap().absolute("a").as_deref(), Ok(Path::new("/root/a")));
        assert_eq!(User::named("other"), None);
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
        assert_eq!(account.environment(User::ORDINARY, &asked)[crate::settings::MARKER], "/data/s1");
    }
}
