//! The scene: the stage, and the whole system beside it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitledger_functions::Settings;
use gitledger_operations::Remotes;

use super::stage::Stage;
use super::{agent, text};
use crate::commands::host_arguments::Tuning;
use crate::running::{Options, System};
use gitledger_functions::settings::LEDGER_FILE;

/// Sandboxes beside the agents': those of the troubles, and what is on its way out still counts.
const SPARE_SANDBOXES: usize = 10;

/// What the demo runs in.
pub struct Scene {
    /// How many work at once.
    pub agents: u16,
    /// The system.
    pub system: System,
    /// What the agents work on.
    pub stage: Arc<Stage>,
    /// Where the ledger stays.
    pub data_dir: PathBuf,
}

impl Scene {
    /// Sets the stage, starts the system.
    pub async fn set(agents: u16, data: Option<&Path>) -> Result<Self, String> {
        if let Some(data) = data {
            // The accounts at the end must agree, and an older ledger tells of more than this demo.
            if data.join(LEDGER_FILE).exists() {
                return Err(format!("--data {} already has a ledger; name a new directory", data.display()));
            }
        }
        let stage = Arc::new(Stage::set().await?);
        let data_dir = match data {
            Some(path) => path.to_owned(),
            None => tempfile::Builder::new().prefix("gitledger-demo-").tempdir().map_err(text)?.keep(),
        };
        let mut options = options_of(&data_dir, &stage)?;
        options.host.sandboxes_max = Some(usize::from(agents) * agent::SANDBOXES + SPARE_SANDBOXES);
        let system = System::start(options).await?;
        Ok(Self { agents, system, stage, data_dir })
    }

    /// Stops everything; the ledger stays.
    pub async fn end(self) -> Result<(), String> {
        self.system.stop().await?;
        let stage = Arc::into_inner(self.stage).ok_or("the demo's work has not ended")?;
        stage.remote.shutdown().await;
        Ok(())
    }
}

fn options_of(data_dir: &Path, stage: &Stage) -> Result<Options, String> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    // Nothing of the user's environment: the demo must not spend an E2B account's money.
    let mut settings = Settings::read(&|_| None).map_err(text)?;
    data_dir.clone_into(&mut settings.data_dir);
    settings.remotes = Remotes::allowing(&stage.prefixes()).map_err(text)?;
    for (host, token) in stage.tokens() {
        settings.tokens.add(&host, token);
    }
    Ok(Options { listen: Some(free), host_listen: free, host: Tuning::default(), settings })
}
