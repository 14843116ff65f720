//! The scene: a remote with repositories, and the whole system beside it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use gitledger_functions::Settings;
use gitledger_operations::Remotes;
use tempfile::TempDir;

use super::agent;
use crate::commands::demo::Arguments;
use crate::commands::host_arguments::Tuning;
use crate::remote::{Access, Protection, Readers, Remote, RemoteOptions, Seed, Token};
use crate::running::{Options, System};
use gitledger_functions::settings::LEDGER_FILE;

/// The repository that everybody works on.
pub const APP: &str = "acme/app";
/// A second one: this project's own history when there is one.
pub const SECOND: &str = "acme/second";
/// The branch that several agents push to.
pub const SHARED_BRANCH: &str = "integration";

/// The file whose one line several agents want to write.
pub const CONTESTED: &str = "LAST_WRITER.md";

/// Sandboxes beside the agents': those of the troubles, and what is on its way out still counts.
const SPARE_SANDBOXES: usize = 10;

/// What the demo runs in.
pub struct Scene {
    /// The system.
    pub system: System,
    /// The remote.
    pub remote: Remote,
    /// Where the ledger stays.
    pub data_dir: PathBuf,
    /// What the second repository is.
    pub second: &'static str,
    port: u16,
    _repositories: TempDir,
}

impl Scene {
    /// Makes the repositories, starts the remote, starts the system.
    pub async fn set(arguments: &Arguments) -> Result<Self, String> {
        if let Some(data) = &arguments.data {
            // The accounts at the end must agree, and an older ledger tells of more than this demo.
            if data.join(LEDGER_FILE).exists() {
                return Err(format!("--data {} already has a ledger; name a new directory", data.display()));
            }
        }
        let token = fresh_token()?;
        let repositories = tempfile::tempdir().map_err(text)?;
        let options =
            RemoteOptions::new(repositories.path().to_owned()).with_token(Token::new(token.clone()));
        let remote = Remote::start(options).await.map_err(text)?;
        let second = fill(&remote)?;
        let port =
            url::Url::parse(&remote.url()).ok().and_then(|url| url.port()).ok_or("the remote has no port")?;

        let data_dir = match &arguments.data {
            Some(path) => path.clone(),
            None => tempfile::Builder::new().prefix("gitledger-demo-").tempdir().map_err(text)?.keep(),
        };
        let mut options = options_of(&data_dir, port, token)?;
        options.sandboxes_max = Some(usize::from(arguments.agents) * agent::SANDBOXES + SPARE_SANDBOXES);
        let system = System::start(options).await?;
        Ok(Self { system, remote, data_dir, second, port, _repositories: repositories })
    }

    /// The URL of a repository.
    pub fn url(&self, repository: &str) -> String {
        self.remote.repository_url(repository)
    }

    /// The same repository under a name for which a wrong token is configured.
    pub fn url_with_wrong_token(&self, repository: &str) -> String {
        format!("http://localhost:{}/{repository}.git", self.port)
    }

    /// Stops everything; the ledger stays.
    pub async fn end(self) -> Result<(), String> {
        self.system.stop().await?;
        self.remote.shutdown().await;
        Ok(())
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

fn options_of(data_dir: &Path, port: u16, token: String) -> Result<Options, String> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    // Nothing of the user's environment: the demo must not spend an E2B account's money.
    let mut settings = Settings::read(&|_| None).map_err(text)?;
    data_dir.clone_into(&mut settings.data_dir);
    settings.remotes =
        Remotes::allowing(&format!("http://127.0.0.1:{port}/,http://localhost:{port}/")).map_err(text)?;
    settings.tokens.add(&format!("127.0.0.1:{port}"), token);
    settings.tokens.add(&format!("localhost:{port}"), "a-token-that-has-expired".to_owned());
    Ok(Options {
        listen: Some(free),
        host_listen: free,
        sandboxes_max: None,
        host: Tuning::default(),
        settings,
    })
}

fn fresh_token() -> Result<String, String> {
    let secret = gitledger_sandboxes::Secret::random().ok_or("the system has no randomness")?;
    Ok(secret.expose().to_owned())
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
