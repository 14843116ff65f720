//! Making a bare repository that the remote serves, and what it refuses to take.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::address::RepositoryName;
use super::{generate, git, inspect};

/// What a new repository holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seed {
    /// A made-up Rust project on branch `main`; the same numbers give the same object ids. See
    /// [`Seed::generated`] for a usual size. At least one file and one commit.
    Generated {
        /// Files in the last commit.
        files: usize,
        /// Commits on `main`.
        commits: usize,
        /// Another seed gives another project.
        seed: u64,
    },
    /// All branches and tags of a repository on this machine (a worktree or a git directory), copied.
    From(PathBuf),
    /// Nothing; the first push makes `main`.
    Empty,
}

impl Seed {
    /// 240 files and 120 commits: what a project of some months looks like, made in well under a second.
    pub fn generated() -> Self {
        Self::Generated { files: 240, commits: 120, seed: 1 }
    }
}

/// What every repository is set to: like a hosted one.
const SETTINGS: &[(&str, &str)] = &[
    ("http.receivepack", "true"),
    ("http.getanyfile", "false"),
    ("uploadpack.allowFilter", "true"),
    ("uploadpack.allowAnySHA1InWant", "true"),
    ("receive.advertisePushOptions", "true"),
    ("receive.fsckObjects", "true"),
];

/// Makes `<root>/<owner>/<name>.git`. Nothing is left behind when it fails, and a repository that is already
/// there is an error, not overwritten.
pub fn create_bare(root: &Path, repository: &str, seed: &Seed) -> io::Result<PathBuf> {
    let dir = RepositoryName::parse(repository)?.dir(root);
    if dir.exists() {
        let said = format!("repository exists already: {repository}");
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, said));
    }
    if let Some(owner) = dir.parent() {
        fs::create_dir_all(owner)?;
    }
    match fill(&dir, seed) {
        Ok(()) => Ok(dir),
        Err(error) => {
            // The first error is the one worth telling.
            fs::remove_dir_all(&dir).ok();
            Err(error)
        }
    }
}

fn fill(dir: &Path, seed: &Seed) -> io::Result<()> {
    if let Seed::From(source) = seed {
        git::run(
            git::command().args(["clone", "--bare", "--quiet", "--template=", "--"]).args([source, dir]),
        )?;
    } else {
        let init = ["init", "--bare", "--quiet", "--template=", "--initial-branch=main", "--"];
        git::run(git::command().args(init).arg(dir))?;
    }
    if let Seed::Generated { files, commits, seed } = *seed {
        let mut import = git::command();
        import.arg("--git-dir").arg(dir).args(["fast-import", "--quiet", "--done"]);
        git::feed(&mut import, |stream| generate::write_history(stream, files, commits, seed))?;
    }
    SETTINGS.iter().try_for_each(|(key, value)| set(dir, key, value))
}

fn set(dir: &Path, key: &str, value: &str) -> io::Result<()> {
    git::run(git::command().arg("--git-dir").arg(dir).args(["config", "--local", key, value])).map(drop)
}

/// What a repository refuses of a push that was admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Forced pushes, on every branch.
    NoForcedPush,
    /// Any change to these branches (short names), with GitHub's GH006 text.
    Branches(Vec<String>),
    /// Everything, with this text.
    Everything(String),
}

/// The texts that the hooks print stand in files beside them, so no text from a caller becomes shell.
const PROTECT_BRANCHES: &str = r#"#!/bin/sh
# Declines the whole push if it touches a branch named in the file beside this one.
names=$(dirname "$0")/protected-branches
declined=0
while read -r old new ref; do
  if printf '%s\n' "${ref#refs/heads/}" | grep -Fxq -f "$names"; then
    echo "error: GH006: Protected branch update failed for $ref." >&2
    echo "error: Changes must be made through a pull request." >&2
    echo "protected branch hook declined" >&2
    declined=1
  fi
done
exit $declined
"#;

const DECLINE_EVERYTHING: &str = r#"#!/bin/sh
# Declines every push with the text in the file beside this one.
cat "$(dirname "$0")/decline-message" >&2
exit 1
"#;

/// Protects a repository from its next push on. [`Protection::Branches`] and [`Protection::Everything`] take
/// the place of each other: git runs one `pre-receive` hook.
pub fn protect(root: &Path, repository: &str, protection: &Protection) -> io::Result<()> {
    let dir = inspect::existing(root, repository)?;
    match protection {
        Protection::NoForcedPush => set(&dir, "receive.denyNonFastForwards", "true"),
        Protection::Branches(names) => {
            if names.is_empty() || names.iter().any(|name| name.is_empty() || name.contains('\n')) {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a list of branch names"));
            }
            install(&dir, PROTECT_BRANCHES, "protected-branches", &names.join("\n"))
        }
        Protection::Everything(said) => install(&dir, DECLINE_EVERYTHING, "decline-message", said),
    }
}

fn install(dir: &Path, script: &str, beside: &str, text: &str) -> io::Result<()> {
    let hooks = dir.join("hooks");
    fs::create_dir_all(&hooks)?;
    fs::write(hooks.join(beside), format!("{text}\n"))?;
    let hook = hooks.join("pre-receive");
    fs::write(&hook, script)?;
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755))
}
