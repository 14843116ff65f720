//! Where things are on this machine: the workspace and what cargo builds.

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The directory of the profile that this test was built with: `target/debug`, `target/release`.
pub fn profile_dir() -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|error| format!("this program's own path: {error}"))?;
    // A test lies in `deps`, a bench or an example elsewhere below the profile.
    let dir = test.ancestors().find(|dir| dir.join(".fingerprint").is_dir());
    dir.map(Path::to_path_buf).ok_or_else(|| format!("{} is not in a target directory", test.display()))
}
