//! `sudo`, as far as it can be had: a sandbox gives no privilege, but scripts written for E2B ask for it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Where it is, first on the search path of an isolated sandbox. The machine's own would only say that it may
/// not work there.
pub(super) const DIR: &str = "/run/gitledger/bin";

/// Runs the command as the account that runs everything. Of the options, those that change what is run are
/// minded.
const SCRIPT: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
    case "$1" in
        --) shift; break ;;
        -[ughpCrtTD]) shift 2 ;;
        -i | -s | --login | --shell) shell=1; shift ;;
        -*) shift ;;
        *=*) export "$1"; shift ;;
        *) break ;;
    esac
done
if [ $# -eq 0 ]; then
    [ -n "$shell" ] && exec /bin/bash
    echo "usage: sudo [-u user] [VAR=value] command" >&2
    exit 1
fi
exec "$@"
"#;

/// Puts it there. A sandbox without it is a sandbox still, so that the caller may ignore an error.
pub(super) fn install() -> io::Result<()> {
    fs::create_dir_all(DIR)?;
    let file = Path::new(DIR).join("sudo");
    fs::write(&file, SCRIPT)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))
}
