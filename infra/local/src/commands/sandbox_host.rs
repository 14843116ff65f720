//! `gitledger sandbox-host`: the local E2B-compatible host alone.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use gitledger_sandbox_host::{Host, HostOptions};

use super::Finished;

/// Serves sandboxes over E2B's own protocol, for gitledger's functions and for the official E2B SDKs.
#[derive(clap::Args)]
#[command(
    after_help = "Example, with the official SDK:\n  gitledger sandbox-host --port 3000 &\n  E2B_API_URL=http://127.0.0.1:3000 E2B_SANDBOX_URL=http://127.0.0.1:3000 \\\n  E2B_API_KEY=e2b_0000000000000000000000000000000000000000 python3 my_agent.py"
)]
pub struct Arguments {
    /// The port, on 127.0.0.1.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Where sandboxes keep their files while they live; default: a new temporary directory.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The only key that is accepted; default: any.
    #[arg(long, env = "GITLEDGER_HOST_KEY", hide_env_values = true)]
    api_key: Option<String>,
    #[command(flatten)]
    sandboxes: super::host_arguments::Arguments,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Finished {
    super::log_to_stderr();
    let temporary = tempfile::tempdir().map_err(|error| error.to_string())?;
    let data_dir = arguments.data.unwrap_or_else(|| temporary.path().to_owned());
    let mut options = HostOptions::new(data_dir).map_err(|error| error.to_string())?;
    options.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    options.api_key = arguments.api_key;
    arguments.sandboxes.tuning().set(&mut options);
    let host = Host::start(options).await.map_err(|error| error.to_string())?;
    println!("sandbox host on {}  ({})", host.url(), host.isolation());
    println!(
        "  E2B_API_URL={0} E2B_SANDBOX_URL={0} E2B_API_KEY=e2b_0000000000000000000000000000000000000000",
        host.url()
    );
    println!("Ctrl-C ends it and every sandbox in it.");
    crate::running::interrupted().await;
    host.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
