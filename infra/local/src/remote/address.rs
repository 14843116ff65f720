//! Which repository and which of the four smart HTTP endpoints a request is for; everything else is nowhere.

use std::io;
use std::path::{Path, PathBuf};

use axum::http::Method;

/// A GitHub owner or repository name is never longer.
const NAME_BYTES_MAX: usize = 100;

/// What a git client asks of a repository: four requests and no more. The older "dumb" protocol, which reads
/// files of the repository one by one, is deliberately absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `GET info/refs?service=git-upload-pack`: the first request of a clone or fetch.
    UploadPackRefs,
    /// `POST git-upload-pack`: references (protocol 2) and packs for a clone or fetch.
    UploadPack,
    /// `GET info/refs?service=git-receive-pack`: the first request of a push.
    ReceivePackRefs,
    /// `POST git-receive-pack`: the push itself.
    ReceivePack,
}

impl Endpoint {
    /// Whether it belongs to a push.
    pub fn writes(self) -> bool {
        matches!(self, Self::ReceivePackRefs | Self::ReceivePack)
    }

    pub(super) fn method(self) -> Method {
        match self {
            Self::UploadPackRefs | Self::ReceivePackRefs => Method::GET,
            Self::UploadPack | Self::ReceivePack => Method::POST,
        }
    }

    /// The path below the repository.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::UploadPackRefs | Self::ReceivePackRefs => "info/refs",
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    pub(super) fn query(self) -> &'static str {
        match self {
            Self::UploadPackRefs => "service=git-upload-pack",
            Self::ReceivePackRefs => "service=git-receive-pack",
            Self::UploadPack | Self::ReceivePack => "",
        }
    }
}

/// `owner/name`, both plain names: no path that it gives leads out of the root.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RepositoryName(String);

impl RepositoryName {
    /// Reads `owner/name` or `owner/name.git`.
    pub(super) fn parse(text: &str) -> io::Result<Self> {
        let read = || {
            let (owner, name) = text.split_once('/')?;
            let name = name.strip_suffix(".git").unwrap_or(name);
            let fits = is_plain(owner) && is_plain(name) && name.strip_suffix(".git").is_none();
            fits.then(|| Self(format!("{owner}/{name}")))
        };
        read().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a repository name: owner/name"))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The bare repository of that name below `root`.
    pub(super) fn dir(&self, root: &Path) -> PathBuf {
        root.join(format!("{}.git", self.0))
    }
}

/// A first dot is refused: that leaves out `.`, `..` and hidden directories.
fn is_plain(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with(['.', '-'])
}

/// Reads a request's path and query. `None` is a 404. The path is taken as it was sent: a percent sign fits no
/// name, so nothing has to be decoded and no spelling of `..` gets through.
pub(super) fn route(path: &str, query: Option<&str>) -> Option<(RepositoryName, Endpoint)> {
    let mut parts = path.strip_prefix('/')?.splitn(3, '/');
    let (owner, name, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let asks_for = |wanted: &str| query.is_some_and(|query| query.split('&').any(|pair| pair == wanted));
    let all =
        [Endpoint::UploadPackRefs, Endpoint::UploadPack, Endpoint::ReceivePackRefs, Endpoint::ReceivePack];
    let endpoint = all
        .into_iter()
        .find(|one| rest == one.path() && (one.query().is_empty() || asks_for(one.query())))?;
    let name = RepositoryName::parse(&format!("{owner}/{name}")).ok()?;
    Some((name, endpoint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_endpoints_are_found_with_and_without_the_suffix() {
        let name = RepositoryName::parse("acme/app").unwrap();
        let read = |path, query| route(path, query);
        assert_eq!(
            read("/acme/app.git/info/refs", Some("service=git-upload-pack")),
            Some((name.clone(), Endpoint::UploadPackRefs))
        );
        assert_eq!(
            read("/acme/app/info/refs", Some("service=git-receive-pack")),
            Some((name.clone(), Endpoint::ReceivePackRefs))
        );
        assert_eq!(read("/acme/app/git-upload-pack", None), Some((name.clone(), Endpoint::UploadPack)));
        assert_eq!(read("/acme/app.git/git-receive-pack", None), Some((name, Endpoint::ReceivePack)));
    }

    #[test]
    fn no_path_leads_out_of_the_root_or_into_a_repository() {
        for path in [
            "/../app/git-upload-pack",
            "/acme/../git-upload-pack",
            "/acme/%2e%2e/git-upload-pack",
            "/acme/app.git/../../x/git-upload-pack",
            "/acme/sub/app.git/git-upload-pack",
            "//app/git-upload-pack",
            "/acme//git-upload-pack",
            "/acme/.git/git-upload-pack",
            "/acme/app.git.git/git-upload-pack",
            "/acme/app.git/HEAD",
            "/acme/app.git/config",
            "/acme/app.git/objects/info/packs",
        ] {
            assert_eq!(route(path, None), None, "{path}");
        }
        assert_eq!(route("/acme/app.git/info/refs", None), None, "the dumb protocol is absent");
    }
}
