//! Where a ledger may lie: on a file system of this machine.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::LedgerError;

/// Next to the file: `ledger.db` and `-wal` give `ledger.db-wal`.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The folder of the file.
pub fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The shared memory of the WAL does not work over a network, and silently.
#[cfg(target_os = "linux")]
pub fn check_local(path: &Path) -> Result<(), LedgerError> {
    // NFS, SMB1, CIFS, SMB2, Ceph, AFS
    const NETWORK: [u64; 6] = [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x00C3_6400, 0x5346_414F];
    let statistics = rustix::fs::statfs(folder(path))
        .map_err(|error| LedgerError::at("cannot look at the ledger's folder", error))?;
    #[allow(clippy::cast_sign_loss, clippy::unnecessary_cast)] // a bit pattern, of another type per platform
    let kind = statistics.f_type as u64 & 0xFFFF_FFFF;
    if NETWORK.contains(&kind) {
        return Err(LedgerError::Engine(
            "the ledger's folder is on a network file system; several processes would corrupt it".to_owned(),
        ));
    }
    Ok(())
}

/// Not told apart here.
#[cfg(not(target_os = "linux"))]
pub fn check_local(_path: &Path) -> Result<(), LedgerError> {
    Ok(())
}

/// Flushes what a predecessor may have written and not flushed before it died. The engine's recovery
/// makes such commits visible, and what is visible may be acknowledged to a repeat.
pub fn flush_inheritance(path: &Path) -> Result<(), LedgerError> {
    let failed = |error| LedgerError::at("cannot flush the ledger's WAL", error);
    match File::open(beside(path, "-wal")) {
        Ok(wal) => wal.sync_all().map_err(failed)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    File::open(folder(path)).and_then(|folder| folder.sync_all()).map_err(failed)
}
