//! The stage: a remote with repositories and a token, for agents to work on.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::text;
use crate::remote::{Access, Protection, Readers, Remote, RemoteOptions, Seed, Token};

/// The repository that everybody works on.
pub const APP: &str = "acme/app";
/// A second one: this project's own history when there is one.
pub const SECOND: &str = "acme/second";
/// The branch that several agents push to.
pub const SHARED_BRANCH: &str = "integration";

/// The file whose one line several agents want to write.
pub const CONTESTED: &str = "LAST_WRITER.md";

/// What the agents work on, wherever gitledger runs.
pub struct Stage {
    /// The remote.
    pub remote: Remote,
    /// What the second repository is.
    pub second: &'static str,
    port: u16,
    token: String,
    _repositories: TempDir,
}

impl Stage {
    /// Makes the repositories, starts the remote.
    pub async fn set() -> Result<Self, String> {
        let token = fresh_token()?;
        let repositories = tempfile::tempdir().map_err(text)?;
        let options =
            RemoteOptions::new(repositories.path().to_owned()).with_token(Token::new(token.clone()));
        let remote = Remote::start(options).await.map_err(text)?;
        let second = fill(&remote)?;
        let port =
            url::Url::parse(&remote.url()).ok().and_then(|url| url.port()).ok_or("the remote has no port")?;
        Ok(Self { remote, second, port, token, _repositories: repositories })
    }

    /// The URL of a repository.
    pub fn url(&self, repository: &str) -> String {
        self.remote.repository_url(repository)
    }

    /// The same repository under a name for which a wrong token is configured.
    pub fn url_with_wrong_token(&self, repository: &str) -> String {
        format!("http://localhost:{}/{repository}.git", self.port)
    }

    /// The remote under both of its names, for `GITLEDGER_ALLOW_REMOTES`.
    pub fn prefixes(&self) -> String {
        format!("http://127.0.0.1:{0}/,http://localhost:{0}/", self.port)
    }

    /// The token of each of its names, right and wrong.
    pub fn tokens(&self) -> [(String, String); 2] {
        let wrong = "a-token-that-has-expired".to_owned();
        [
            (format!("127.0.0.1:{}", self.port), self.token.clone()),
            (format!("localhost:{}", self.port), wrong),
        ]
    }
}

/// Makes the repositories; says what the second one is.
fn fill(remote: &Remote) -> Result<&'static str, String> {
    let private = Access { readers: Readers::TokenHolders, read_only: false };
    remote.create(APP, &Seed::generated()).map_err(text)?;
    remote.protect(APP, &Protection::Branches(vec!["main".to_owned()])).map_err(text)?;
    branch(remote.root(), SHARED_BRANCH)?;
    let (seed, what) = match own_history() {
        Some(path) => (Seed::From(path), "this checkout's own history"),
        None => (Seed::Generated { files: 60, commits: 40, seed: 2 }, "generated"),
    };
    remote.create(SECOND, &seed).map_err(text)?;
    for repository in [APP, SECOND] {
        remote.set_access(repository, private).map_err(text)?;
    }
    Ok(what)
}

/// Makes a branch at `main` in the first repository.
fn branch(root: &Path, name: &str) -> Result<(), String> {
    let repository = root.join(format!("{APP}.git"));
    let mut git = std::process::Command::new("git");
    git.arg("--git-dir").arg(repository).args(["branch", name, "main"]);
    let output = git.output().map_err(text)?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// The repository this program is run in, when it has commits.
fn own_history() -> Option<PathBuf> {
    let git = |argument: &str| {
        let output = std::process::Command::new("git").args(["rev-parse", argument, "HEAD"]).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let top = git("--show-toplevel")?;
    Some(PathBuf::from(top.lines().next()?))
}

fn fresh_token() -> Result<String, String> {
    let secret = gitledger_sandboxes::Secret::random().ok_or("the system has no randomness")?;
    Ok(secret.expose().to_owned())
}
