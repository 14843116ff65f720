//! `gitledger up`: the whole system on one machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use super::Finished;
use crate::running::{Options, System};

/// The ledger's file in the data directory.
pub const LEDGER_FILE: &str = "ledger.db";

/// Starts the whole system: gateway, sandbox host, ledger, projector, reaper, and exporter.
///
/// Metrics are published when `PUSHGATEWAY_URL` is set. Sandboxes are real E2B's when `E2B_API_KEY` is set and
/// `E2B_API_URL` is not; else they live on this machine.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gitledger up\n  gitledger up --listen 127.0.0.1:8080 --data /var/lib/gitledger\n  GITLEDGER_ALLOW_REMOTES=http://127.0.0.1:8090/ gitledger up"
)]
pub struct Arguments {
    /// Where the gateway listens; loopback only.
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Where the local sandbox host listens; taken elsewhere when the port is in use.
    #[arg(long, default_value = "127.0.0.1:3000")]
    host_listen: SocketAddr,
    /// Where the ledger is kept.
    #[arg(long, env = "GITLEDGER_DATA", default_value = ".gitledger")]
    data: PathBuf,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Finished {
    super::log_to_stderr();
    let mut settings = gitledger_functions::Settings::from_env().map_err(|error| error.to_string())?;
    settings.data_dir = arguments.data;
    let options = Options { listen: arguments.listen, host_listen: arguments.host_listen, settings };
    let system = System::start(options).await?;
    for line in system.greeting() {
        println!("{line}");
    }
    crate::running::interrupted().await;
    println!("stopping: waiting for what is under way ...");
    let report = system.stop().await?;
    println!("{report}");
    Ok(ExitCode::SUCCESS)
}
