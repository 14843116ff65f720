//! The program under test, built as a user builds it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::workspace;

/// `gitledger`, current, in the profile of the running test.
pub fn gitledger() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| built(&["--package", "gitledger", "--bin", "gitledger"], "gitledger"))
}

/// Builds with the cargo that runs the tests, into the target directory of the tests; where `program` then is.
/// Cargo itself lets one build run at a time, and says so.
pub fn built(selection: &[&str], program: &str) -> PathBuf {
    match try_build(selection, program) {
        Ok(program) => program,
        Err(reason) => panic!("{program} could not be built: {reason}"),
    }
}

fn try_build(selection: &[&str], program: &str) -> Result<PathBuf, String> {
    let dir = workspace::profile_dir()?;
    let profile = match dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    without_package(&mut cargo);
    cargo.current_dir(workspace::root()).args(["build", "--quiet", "--profile", profile]).args(selection);
    cargo.arg("--target-dir").arg(dir.parent().unwrap_or(&dir)).stdin(Stdio::null());
    let status = cargo.status().map_err(|error| format!("cargo: {error}"))?;
    let program = dir.join(program);
    if !status.success() {
        return Err(format!("cargo build ended with {status}"));
    }
    if program.is_file() { Ok(program) } else { Err(format!("cargo left no {}", program.display())) }
}

/// Takes out of a command's environment what cargo tells a test about its own package. Build scripts of
/// dependencies look at the same names: a cargo that inherits them builds half of the dependencies anew, and
/// the next one without them does so again.
pub fn without_package(command: &mut Command) {
    const OF_A_PACKAGE: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"];
    for (name, _) in std::env::vars_os() {
        if OF_A_PACKAGE.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
}
