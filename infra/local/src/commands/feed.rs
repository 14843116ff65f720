//! `gitledger feed`: every event to a message bus, without the rest of the system.

use std::path::PathBuf;
use std::process::ExitCode;

use gitledger_functions::feed::{self, Fed};
use tokio_util::sync::CancellationToken;

use super::{Finished, ledger_file};
use crate::running::{feeding, interrupted};
use crate::text;

/// Publishes every event that is not published yet to NATS, each once and in order.
///
/// The subject is gitledger.events.<type>, the message a CloudEvent. `gitledger up --nats` does the same while it runs.
/// Who comes is in `NATS_TOKEN`, or in `NATS_USER` and `NATS_PASSWORD`.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gitledger feed --nats nats://127.0.0.1:4222\n  NATS_TOKEN=... gitledger feed --nats tls://nats.example --follow"
)]
pub struct Arguments {
    /// Where NATS is, `nats://` or `tls://`.
    #[arg(long, env = "NATS_URL", value_name = "URL")]
    nats: String,
    /// Go on with what happens from now on.
    #[arg(long)]
    follow: bool,
    /// Where the ledger is kept.
    #[arg(long, env = "GITLEDGER_DATA", default_value = ".gitledger")]
    data: PathBuf,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Finished {
    super::log_to_stderr();
    let mut settings = gitledger_functions::Settings::from_env().map_err(text)?;
    settings.data_dir.clone_from(&arguments.data);
    settings.publish_to_nats(&arguments.nats).map_err(text)?;
    let ledger = ledger_file::open(&arguments.data)?;
    let Some(feeder) = feeding::Feeder::of(&settings)? else { return Err("--nats is not set".to_owned()) };
    if arguments.follow {
        let stop = CancellationToken::new();
        let feeding = tokio::spawn(feeder.clone().run(ledger.clone(), stop.clone()));
        interrupted().await;
        stop.cancel();
        feeding.await.map_err(text)?;
        feeder.finish(ledger.as_ref()).await;
        return Ok(ExitCode::SUCCESS);
    }
    match feeder.all(ledger.as_ref()).await.map_err(text)? {
        (count, Fed::Nothing) => {
            let position = feed::standing(ledger.as_ref()).await.map_err(text)?.position;
            println!("{count} events published; all up to {position}");
            Ok(ExitCode::SUCCESS)
        }
        (count, Fed::Failed(reason)) => Err(format!("{count} events published, then: {reason}")),
        (count, _) => Err(format!("{count} events published; somebody else goes on")),
    }
}
