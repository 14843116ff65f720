//! Python packages, each set in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{debian, on_path, run, shelf};

/// The oldest Python that the packages take.
const OLDEST: &str = "import sys; sys.exit(sys.version_info < (3, 10))";

/// An environment with its packages in it.
#[derive(Clone, Debug)]
pub struct Python {
    dir: PathBuf,
}

impl Python {
    /// The interpreter, with an environment that holds nothing but a search path.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.interpreter());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// A program that one of the packages brought.
    pub fn script(&self, name: &str) -> Result<PathBuf, String> {
        let program = self.dir.join("bin").join(name);
        if program.is_file() { Ok(program) } else { Err(format!("{} is not there", program.display())) }
    }

    fn interpreter(&self) -> PathBuf {
        self.dir.join("bin/python")
    }
}

/// The environment of this name with these packages, pinned as `name==version`; options of pip go before them.
pub(super) fn environment(name: &str, packages: &[&str]) -> Result<Python, String> {
    let made_of = packages.join("\n");
    let dir = shelf::part(&format!("python/{name}"), &made_of, |dir| {
        let python = on_path("python3").ok_or("`python3` is not on PATH; install Python 3.10 or newer")?;
        run(Command::new(&python).args(["-c", OLDEST]))
            .map_err(|_| format!("{} is older than Python 3.10", python.display()))?;
        let inside = Python { dir: dir.to_owned() };
        let mut pip = create(&python, &inside)?;
        pip.args(["install", "--quiet", "--no-input", "--disable-pip-version-check"]);
        run(pip.args(packages)).map(drop).map_err(|reason| format!("{}: {reason}", packages.join(", ")))
    })?;
    Ok(Python { dir })
}

/// Makes an empty environment; the start of a `pip` command for it. Debian splits the installer off Python:
/// where it is missing it is taken from Debian as well.
fn create(python: &Path, inside: &Python) -> Result<Command, String> {
    let mut pip = Command::new(inside.interpreter());
    let has_installer = run(Command::new(python).args(["-c", "import ensurepip, venv"])).is_ok();
    let mut make = Command::new(python);
    make.args(["-m", "venv"]);
    if has_installer {
        run(make.arg(&inside.dir))?;
        pip.args(["-m", "pip"]);
        return Ok(pip);
    }
    run(make.arg("--without-pip").arg(&inside.dir))?;
    pip.arg(debian_pip()?.join("pip"));
    Ok(pip)
}

/// The wheel of pip; Python runs a zip file as it runs a directory.
fn debian_pip() -> Result<PathBuf, String> {
    let dir = debian::unpacked("python3-pip-whl")?.join("usr/share/python-wheels");
    let entries = std::fs::read_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let mut files = entries.flatten().map(|entry| entry.path());
    let is_pip = |file: &PathBuf| file.file_name().is_some_and(|n| n.to_string_lossy().starts_with("pip-"));
    files.find(is_pip).ok_or_else(|| "python3 has no pip, and Debian's python3-pip-whl has none".to_owned())
}
