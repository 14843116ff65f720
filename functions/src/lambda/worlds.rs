//! What a function has of the world: the ledger that is named, and of secrets only what it needs.

use std::sync::Arc;

use gitledger_ledger::Ledger;
use gitledger_sandboxes::{Endpoint, Sandboxes, Secret, SystemWorld, World as ClockAndIds};
use lambda_runtime::Error;

use super::secrets;
use crate::catalogue::Needs;
use crate::settings::{LedgerKind, Settings};
use crate::{World, catalogue};

/// The world of a function of the catalogue.
pub(super) async fn of(function: &str) -> Result<World, Error> {
    let needs = catalogue::find(function).map_or(Needs::NONE, |function| function.needs);
    let settings = secrets::settings(needs).await?;
    with(settings, needs).await
}

pub(super) async fn with(mut settings: Settings, needs: Needs) -> Result<World, Error> {
    // In AWS whoever is let in was let in by somebody: a door without an authoriser stays shut.
    settings.keys_required = settings.keys_file.is_some() || settings.ledger == LedgerKind::Dynamo;
    let endpoint = if needs.sandbox_key {
        settings.endpoint_or_local()?.clone()
    } else {
        // It asks for nothing there, and is given nothing to ask with.
        Endpoint::at("http://127.0.0.1:9", Secret::new(String::new()))
    };
    let ledger = ledger(&settings)?;
    let clock: Arc<dyn ClockAndIds> = Arc::new(SystemWorld);
    let deployment = settings.deployment.clone().unwrap_or_else(|| local_deployment(&settings));
    let sandboxes =
        Arc::new(Sandboxes::new(ledger.clone(), endpoint, clock.clone())?.of_deployment(&deployment));
    Ok(World::new(ledger, sandboxes, clock, settings, None).await?)
}

/// The ledger that is named: reading the saved projections opens its connection before the first request.
fn ledger(settings: &Settings) -> Result<Arc<dyn Ledger>, Error> {
    match settings.ledger {
        #[cfg(feature = "sqlite")]
        LedgerKind::Sqlite => {
            use crate::settings::LEDGER_FILE;
            use gitledger_ledger::sqlite::{Durability, SqliteLedger};
            std::fs::create_dir_all(&settings.data_dir)?;
            let path = settings.data_dir.join(LEDGER_FILE);
            Ok(Arc::new(SqliteLedger::open(&path, Durability::Full)?))
        }
        #[cfg(not(feature = "sqlite"))]
        LedgerKind::Sqlite => Err(format!("GITLEDGER_LEDGER: {}", super::WITHOUT_SQLITE).into()),
        #[cfg(feature = "aws")]
        LedgerKind::Dynamo => Ok(Arc::new(super::dynamo::ledger(settings)?)),
        #[cfg(not(feature = "aws"))]
        LedgerKind::Dynamo => Err(format!("GITLEDGER_LEDGER: {}", super::WITHOUT_AWS).into()),
    }
}

/// The mark that `gitledger up` made for this data directory.
fn local_deployment(settings: &Settings) -> String {
    let file = settings.data_dir.join("deployment");
    std::fs::read_to_string(file).map_or_else(|_| "default".to_owned(), |name| name.trim().to_owned())
}
