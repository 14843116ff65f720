//! The remote that agents clone from and push to: real repositories over smart HTTP, pushes with a token.

use std::path::{Path, PathBuf};

use gitledger::remote::{Remote, RemoteOptions, Seed, Token};
use tempfile::TempDir;

/// The repository that every origin has.
pub const APP: &str = "acme/app";

/// A remote with one generated repository, in a directory that is removed when it is dropped.
#[derive(Debug)]
pub struct Origin {
    /// The remote itself, for faults, access and protection.
    pub remote: Remote,
    token: String,
    dir: TempDir,
}

impl Origin {
    /// An origin with a token that nothing else holds.
    pub async fn start() -> Self {
        Self::with_token("origin-token-9f2c").await
    }

    /// The same with this token, for tests that look for it afterwards.
    pub async fn with_token(token: &str) -> Self {
        let dir = super::system::temporary();
        let options = RemoteOptions::new(dir.path().join("repositories")).with_token(Token::new(token));
        let remote = match Remote::start(options).await {
            Ok(remote) => remote,
            Err(error) => panic!("the remote does not start: {error}"),
        };
        let origin = Self { remote, token: token.to_owned(), dir };
        origin.create(APP, &Seed::generated());
        origin.write_tokens();
        origin
    }

    /// Makes another repository, `owner/name`.
    pub fn create(&self, repository: &str, seed: &Seed) -> PathBuf {
        match self.remote.create(repository, seed) {
            Ok(dir) => dir,
            Err(error) => panic!("{repository}: {error}"),
        }
    }

    /// What a client clones.
    pub fn app(&self) -> String {
        self.remote.repository_url(APP)
    }

    /// The secret that pushes take.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A file for `GITLEDGER_GIT_TOKENS`.
    pub fn tokens_file(&self) -> PathBuf {
        self.dir.path().join("tokens")
    }

    /// The commit that a branch of the app is at.
    pub fn tip(&self, branch: &str) -> Option<String> {
        self.tip_of(APP, branch)
    }

    /// The commit that a branch is at.
    pub fn tip_of(&self, repository: &str, branch: &str) -> Option<String> {
        match self.remote.refs(repository) {
            Ok(mut refs) => refs.remove(&format!("refs/heads/{branch}")),
            Err(error) => panic!("{repository}: {error}"),
        }
    }

    /// Whether a branch of the app has a commit in its history.
    pub fn has(&self, oid: &str, branch: &str) -> bool {
        match self.remote.contains(APP, oid, branch) {
            Ok(has) => has,
            Err(error) => panic!("{APP}: {error}"),
        }
    }

    /// `host:port`, as tokens files and URLs have it.
    pub fn authority(&self) -> String {
        self.remote.url().trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    fn write_tokens(&self) {
        let line = format!("{} = {}\n", self.authority(), self.token);
        if let Err(error) = write_private(&self.tokens_file(), &line) {
            panic!("{}: {error}", self.tokens_file().display());
        }
    }
}

/// Readable by its owner only, from its first moment on.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(file)?.write_all(text.as_bytes())
}
