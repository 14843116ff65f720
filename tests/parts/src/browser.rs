//! A browser: from `PATH`, or out of Debian's packages with all the libraries that this system lacks.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{apt, on_path, run, shelf};

/// The names it goes by.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// The part of it that draws without a screen; smaller, and with fewer libraries.
const PACKAGE: &str = "chromium-headless-shell";
/// Where it lies in its package.
const PROGRAM: &str = "usr/lib/chromium/chromium-headless-shell";
/// Where libraries lie in packages. That of sound is looked for where it would have been installed.
const LIBRARIES: [&str; 6] = [
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu/pulseaudio",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib/aarch64-linux-gnu/pulseaudio",
    "usr/lib",
    "lib/x86_64-linux-gnu",
];

/// A browser that works.
pub(super) fn chromium() -> Result<PathBuf, String> {
    if let Some(found) = NAMES.iter().find_map(|name| on_path(name)) {
        return Ok(found);
    }
    let made = shelf::part("debian/chromium", PACKAGE, |dir| {
        apt::download_with_missing(PACKAGE, dir)?;
        let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        for file in entries.flatten().map(|entry| entry.path()) {
            if file.extension().is_some_and(|found| found == "deb") {
                run(Command::new("dpkg-deb").arg("-x").arg(&file).arg(dir))?;
                std::fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            }
        }
        start_script(dir)
    });
    let dir = made.map_err(|reason| {
        format!("none of {NAMES:?} is on PATH, and Debian's package `{PACKAGE}`: {reason}. Install `chromium` yourself")
    })?;
    Ok(dir.join("chromium"))
}

/// Unpacked libraries are not where the system looks for them: a script tells the program where they are.
fn start_script(dir: &Path) -> Result<(), String> {
    let libraries: Vec<String> =
        LIBRARIES.iter().map(|place| dir.join(place).display().to_string()).collect();
    let program = dir.join(PROGRAM);
    let text =
        format!("#!/bin/sh\nLD_LIBRARY_PATH='{}' exec '{}' \"$@\"\n", libraries.join(":"), program.display());
    let script = dir.join("chromium");
    let written = std::fs::write(&script, text)
        .and_then(|()| std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)));
    written.map_err(|error| format!("{}: {error}", script.display()))?;
    run(Command::new(&script).arg("--version"))
        .map(drop)
        .map_err(|reason| format!("does not run here: {reason}"))
}
