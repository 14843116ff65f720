//! `gitledger mcp`: the MCP server `git_operations` on standard input and output.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use super::Finished;
use super::host_arguments::Tuning;
use crate::mcp::{self, Door};
use crate::running::{INTERRUPTED, Options, System, interrupted};

/// Serves git operations as MCP tools on standard input and output, until standard input ends.
///
/// By default the whole system runs in this program, as `gitledger up` has it, but for the gateway; what is
/// under way when standard input ends is brought to its end. With `--url`, calls go to a gateway that runs
/// already: several agents share one system so. A running gateway serves the same tools at `/mcp`.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gitledger mcp --data /var/lib/gitledger\n  gitledger mcp --url http://127.0.0.1:8000"
)]
pub struct Arguments {
    /// A running gateway that does the work.
    #[arg(long, env = "GITLEDGER_URL", conflicts_with = "listen")]
    url: Option<String>,
    /// Where the ledger is kept.
    #[arg(long, env = "GITLEDGER_DATA", default_value = ".gitledger")]
    data: PathBuf,
    /// Serve the gateway here as well; loopback only.
    #[arg(long)]
    listen: Option<SocketAddr>,
}

/// Runs the command. Standard output is the protocol's alone.
pub async fn run(arguments: Arguments) -> Finished {
    super::log_to_stderr();
    match &arguments.url {
        Some(url) => forward(url).await,
        None => serve(arguments).await,
    }
}

async fn forward(url: &str) -> Finished {
    let door = Door::to(url)?;
    let serve = async {
        let served = mcp::serve_stdio(door.clone()).await;
        door.drained().await;
        served
    };
    tokio::select! {
        served = serve => served.map(|()| ExitCode::SUCCESS),
        // Not by returning: the runtime's end may wait for a read of standard input.
        () = interrupted() => std::process::exit(0),
    }
}

async fn serve(arguments: Arguments) -> Finished {
    let mut settings = gitledger_functions::Settings::from_env().map_err(|error| error.to_string())?;
    settings.data_dir = arguments.data;
    let host_listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let options = Options { listen: arguments.listen, host_listen, host: Tuning::default(), settings };
    let system = System::start(options).await?;
    for line in system.greeting() {
        eprintln!("{line}");
    }
    let served = tokio::select! {
        served = mcp::serve_stdio(Door::Here(system.gateway().clone())) => served,
        () = interrupted() => Ok(()),
    };
    let code = tokio::select! {
        report = system.stop() => {
            eprintln!("{}", report?);
            0
        }
        () = interrupted() => {
            eprintln!("ended at once; what is open gets its outcome at the next start");
            INTERRUPTED
        }
    };
    served?;
    // Not by returning: see above.
    std::process::exit(code)
}
