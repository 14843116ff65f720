//! The ledger of a data directory, for the commands that read it. What is not there is not made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitledger_functions::settings::LEDGER_FILE;
use gitledger_ledger::Ledger;
use gitledger_ledger::sqlite::{Durability, SqliteLedger};

use crate::text;

/// Its file.
pub fn find(data: &Path) -> Result<PathBuf, String> {
    let path = data.join(LEDGER_FILE);
    if path.exists() {
        return Ok(path);
    }
    Err(format!(
        "there is no ledger in {}; start `gitledger up --data {0}` or name another --data",
        data.display()
    ))
}

/// The ledger itself.
pub fn open(data: &Path) -> Result<Arc<dyn Ledger>, String> {
    let ledger = SqliteLedger::open(&find(data)?, Durability::Full).map_err(text)?;
    Ok(Arc::new(ledger))
}
