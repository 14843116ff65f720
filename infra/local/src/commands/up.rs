//! `gitledger up`: the whole system on one machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::Finished;
use crate::running::{INTERRUPTED, Options, System, interrupted};

/// One Ctrl-C can come twice: a terminal sends it to the whole process group, and a wrapper in that group
/// passes it on. What comes this soon after the first is not a second one.
const ECHO: Duration = Duration::from_millis(200);

/// Starts the whole system: gateway, sandbox host, ledger, projector, reaper, and exporter.
///
/// Metrics are published when `PUSHGATEWAY_URL` is set. Sandboxes are real E2B's when `E2B_API_KEY` is set and
/// `E2B_API_URL` is not; else they live on this machine.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gitledger up\n  gitledger up --listen 127.0.0.1:8080 --data /var/lib/gitledger\n  gitledger up --nats nats://127.0.0.1:4222\n  GITLEDGER_ALLOW_REMOTES=http://127.0.0.1:8090/ gitledger up"
)]
pub struct Arguments {
    /// Where the gateway listens; anywhere but on loopback every request needs an API key, see `gitledger keys`.
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// Every request needs an API key on loopback too.
    #[arg(long)]
    require_keys: bool,
    /// Where the local sandbox host listens; taken elsewhere when the port is in use.
    #[arg(long, default_value = "127.0.0.1:3000")]
    host_listen: SocketAddr,
    /// Where the ledger is kept.
    #[arg(long, env = "GITLEDGER_DATA", default_value = ".gitledger")]
    data: PathBuf,
    /// Publish every event to NATS at this address, `nats://` or `tls://`; who comes is in `NATS_TOKEN`, or in
    /// `NATS_USER` and `NATS_PASSWORD`.
    #[arg(long, env = "NATS_URL", value_name = "URL")]
    nats: Option<String>,
    #[command(flatten)]
    sandboxes: super::host_arguments::Arguments,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Finished {
    super::log_to_stderr();
    let mut settings = gitledger_functions::Settings::from_env().map_err(|error| error.to_string())?;
    settings.data_dir = arguments.data;
    settings.keys_required = arguments.require_keys;
    if let Some(address) = &arguments.nats {
        settings.publish_to_nats(address).map_err(|error| error.to_string())?;
    }
    let options = Options {
        listen: Some(arguments.listen),
        host_listen: arguments.host_listen,
        host: arguments.sandboxes.tuning(),
        settings,
    };
    let system = System::start(options).await?;
    for line in system.greeting() {
        println!("{line}");
    }
    interrupted().await;
    println!("stopping: waiting for what is under way; Ctrl-C again ends at once ...");
    tokio::select! {
        report = system.stop() => {
            println!("{}", report?);
            Ok(ExitCode::SUCCESS)
        }
        () = interrupted_again() => {
            println!("ended at once; what is open gets its outcome at the next start");
            // Not by returning: the runtime's end waits for blocking work.
            std::process::exit(INTERRUPTED)
        }
    }
}

async fn interrupted_again() {
    tokio::time::sleep(ECHO).await;
    interrupted().await;
}
