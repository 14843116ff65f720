//! The segments' files: beside the ledger's, named by the position that they follow. They may be deleted at any time.

use std::path::{Path, PathBuf};

use gitledger_ledger::Position;
use gitledger_ledger::sqlite::Scanner;
use gitledger_projections::replay::Names;
use gitledger_projections::replay::segment::{Header, Segment, read_next};

use super::Run;

/// The directory of segments within a data directory.
pub const DIRECTORY: &str = "segments";

/// The segments of one ledger.
#[derive(Debug)]
pub struct Segments {
    directory: PathBuf,
}

impl Segments {
    /// Those in this directory, which need not exist.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Reads the one that follows a position; gives the last position in it. What is there and does not fit is
    /// removed, and so is what follows it: its names are numbered on top of what came before.
    pub(crate) fn next(&self, scanner: &Scanner, after: u64, run: &mut Run) -> Result<Option<u64>, String> {
        let file = self.file(after);
        let Ok(bytes) = std::fs::read(&file) else { return Ok(None) };
        let fits = |header: &Header| {
            // The same event at the same position: it is this ledger, and events never change.
            let found = scanner.id_at(Position::from_u64(header.last)).map_err(|error| error.to_string())?;
            Ok::<bool, String>(found == Some(header.last_id))
        };
        let sound = match Header::read(&bytes) {
            Ok(header) => header.after == after && header.last > after && fits(&header)?,
            Err(_) => false,
        };
        let read = sound.then(|| {
            let mut names = std::mem::take(run.names());
            let read = read_next(&bytes, after, &mut names, |brief, names| run.take(brief, names));
            *run.names() = names;
            read
        });
        if let Some(Ok(header)) = read {
            run.sealed(header.briefs as u64, header.unreadable);
            return Ok(Some(header.last));
        }
        tracing::info!(file = %file.display(), "segment does not fit; it is made again");
        self.remove_from(after);
        Ok(None)
    }

    /// Writes one, whole or not at all. One that cannot be written is missed by nobody.
    pub(crate) fn write(&self, segment: &Segment, names: &Names) {
        let bytes = segment.to_bytes(names);
        let file = self.file(segment.after);
        let made = file.with_extension(format!("{}.tmp", std::process::id()));
        let written = std::fs::create_dir_all(&self.directory)
            .and_then(|()| std::fs::write(&made, &bytes))
            .and_then(|()| std::fs::rename(&made, &file));
        if let Err(error) = written {
            let _ = std::fs::remove_file(&made);
            tracing::info!(%error, file = %file.display(), "segment not kept");
        }
    }

    fn file(&self, after: u64) -> PathBuf {
        self.directory.join(format!("{after:015}.segment"))
    }

    fn remove_from(&self, after: u64) {
        let first = self.file(after);
        let Ok(entries) = std::fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|ending| ending == "segment") && path >= first {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}
