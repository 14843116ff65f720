//! Downloads Debian packages as any user, without installing them.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{on_path, run, shelf, tell};

/// Puts the newest `.deb` of a package into a directory. The system's own package lists are used when they
/// know it; else private ones are fetched, which changes nothing outside `target/tools`.
pub(super) fn download(package: &str, into: &Path) -> Result<(), String> {
    if on_path("apt-get").is_none() || on_path("dpkg-deb").is_none() {
        return Err("this system has no apt-get and dpkg-deb to take it from".to_owned());
    }
    let mut download = apt_get(into);
    if run(download.args(["download", package])).is_ok() {
        return Ok(());
    }
    let state = private_state()?;
    let mut download = apt_get(into);
    private(&mut download, &state);
    run(download.args(["download", package])).map(drop)
}

/// The same with every package that it needs and this system has not.
pub(super) fn download_with_missing(package: &str, into: &Path) -> Result<(), String> {
    if on_path("apt-get").is_none() || on_path("dpkg-deb").is_none() {
        return Err("this system has no apt-get and dpkg-deb to take it from".to_owned());
    }
    let plan = |private_lists: Option<&Path>| {
        let mut ask = apt_get(into);
        if let Some(state) = private_lists {
            private(&mut ask, state);
        }
        run(ask.args(["--simulate", "--no-install-recommends", "install", package]))
    };
    let planned = match plan(None) {
        Ok(planned) => planned,
        Err(_) => plan(Some(&private_state()?))?,
    };
    for wanted in planned.lines().filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next()) {
        download(wanted, into)?;
    }
    Ok(())
}

fn apt_get(dir: &Path) -> Command {
    let mut command = Command::new("apt-get");
    command.current_dir(dir).env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive");
    // A silent mirror ends a try; without this it can hold a test for minutes.
    command.args(["-qq", "-o", "Acquire::http::Timeout=30", "-o", "Acquire::Retries=3"]);
    // Root's downloads would be made by another user, who may not enter this directory.
    command.args(["-o", "APT::Sandbox::User=root"]);
    command
}

/// Package lists of our own, fetched once.
fn private_state() -> Result<std::path::PathBuf, String> {
    shelf::part("apt", "lists", |dir| {
        tell("the system's package lists do not do; fetching private ones ...");
        for place in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(dir.join(place)).map_err(|error| format!("{}: {error}", dir.display()))?;
        }
        let mut update = apt_get(dir);
        private(&mut update, dir);
        // With -qq and a single source that fails, apt-get ends well all the same: any failure is one.
        run(update.args(["-o", "APT::Update::Error-Mode=any", "update"])).map(drop)
    })
}

fn private(command: &mut Command, state: &Path) {
    let options = [
        ("Dir::State", state.to_owned()),
        ("Dir::State::lists", state.join("lists")),
        ("Dir::State::status", "/var/lib/dpkg/status".into()),
        ("Dir::Cache", state.join("cache")),
        ("Dir::Cache::archives", state.join("cache/archives")),
    ];
    for (name, path) in options {
        command.arg("-o").arg(format!("{name}={}", path.display()));
    }
    // Containers clean up after an update with commands that only root may run.
    for hook in ["APT::Update::Post-Invoke", "APT::Update::Post-Invoke-Success", "APT::Update::Pre-Invoke"] {
        command.args(["-o", &format!("{hook}=")]);
    }
}
