//! A secret stays where it belongs, whatever is done and whatever a workspace tries.

mod hostile;
mod run;

use std::path::{Path, PathBuf};

use gitledger_tests::System;

/// Where a sandbox's `/` has its `home` and `tmp`, as this machine sees it.
fn sandbox_dir(system: &System, sandbox_id: &str) -> PathBuf {
    let dir = system.data().join("sandboxes/s").join(sandbox_id);
    assert!(dir.join("home/user").is_dir(), "{} is no sandbox's directory", dir.display());
    dir
}

fn read(file: &Path) -> Option<String> {
    std::fs::read(file).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn write(file: &Path, text: &str) {
    std::fs::create_dir_all(file.parent().expect("a directory")).expect("a directory");
    std::fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

fn write_program(file: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    write(file, text);
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("a program");
}

fn write_private(file: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    write(file, text);
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("a private file");
}
