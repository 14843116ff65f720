//! Programs from Debian packages, unpacked without root and without installing anything.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{apt, is_program, on_path, run, shelf};

/// Where packages keep programs.
const PLACES: [&str; 4] = ["usr/bin", "bin", "usr/sbin", "sbin"];

/// A program that works: from `PATH`, or out of the first of these packages that has it.
pub(super) fn program(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    if let Some(found) = on_path(name) {
        return Ok(found);
    }
    let mut reasons = Vec::new();
    for package in packages {
        match unpacked(package).and_then(|dir| working(&dir, name)) {
            Ok(program) => return Ok(program),
            Err(reason) => reasons.push(format!("Debian's package `{package}`: {reason}")),
        }
    }
    let reasons = reasons.join("; ");
    Err(format!("the program `{name}` is not on PATH, and {reasons}. Install `{}` yourself", packages[0]))
}

/// The directory into which a package is unpacked.
pub(super) fn unpacked(package: &str) -> Result<PathBuf, String> {
    shelf::part(&format!("debian/{package}"), package, |dir| {
        apt::download(package, dir)?;
        let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let mut files = entries.flatten().map(|entry| entry.path());
        let file = files.find(|file| file.extension().is_some_and(|found| found == "deb"));
        let file = file.ok_or_else(|| format!("apt-get left no .deb in {}", dir.display()))?;
        run(Command::new("dpkg-deb").arg("-x").arg(&file).arg(dir))?;
        std::fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))
    })
}

/// Finds it and starts it once: an unpacked package brings no libraries with it.
fn working(dir: &Path, name: &str) -> Result<PathBuf, String> {
    let found = PLACES.iter().map(|place| dir.join(place).join(name)).find(|file| is_program(file));
    let program = found.ok_or_else(|| format!("has no program `{name}`"))?;
    run(Command::new(&program).arg("--version")).map_err(|reason| format!("does not run here: {reason}"))?;
    Ok(program)
}
