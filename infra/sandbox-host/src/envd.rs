//! envd: what runs inside each sandbox and does the work there.
//!
//! The host starts it with two inherited descriptors: 0 is the socket to serve on, already listening; 1 is
//! the line to the host, over which come the settings and, one day, the end. So nothing is passed by
//! argument or environment, and the sandbox needs to see no directory of the host's.

mod account;
mod audience;
mod auth;
mod entry;
mod exit;
mod files;
mod filesystem;
mod follow;
mod input;
mod launch;
mod measure;
mod metadata;
mod process;
mod protojson;
mod sudo;
mod table;
mod unread;
mod watch;
mod watching;

use std::future::IntoFuture as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::ExitCode;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router, middleware};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::connect::{MESSAGE_BYTES_MAX, accept};
use crate::settings::{EnvdReady, EnvdSettings};
use account::Account;
use measure::Meter;
use table::ProcessTable;
use watching::Watchers;

/// Signals that are caught, and so have their default effect again in whatever is started here. XFSZ (25): a file at
/// its size limit is an error of the one write, not the end of envd. The others are ignored by what a script starts in
/// the background, or `nohup`, and that is inherited: no key would interrupt anything in a sandbox's terminal.
const CAUGHT: [fn() -> SignalKind; 4] =
    [SignalKind::hangup, SignalKind::interrupt, SignalKind::quit, || SignalKind::from_raw(25)];
/// What files and directories made here may not be, unless somebody changes it: written to by others.
const UMASK: u32 = 0o022;

/// One sandbox's state.
struct Envd {
    access_token: Option<String>,
    account: Account,
    processes: ProcessTable,
    watchers: Watchers,
    meter: Meter,
}

/// Serves one sandbox until the host is gone. To be called by the program that [`crate::HostOptions`] names;
/// it takes no arguments and cannot be used by hand.
pub fn envd_main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "sandbox envd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    let listener = UnixListener::from(io::stdin().as_fd().try_clone_to_owned()?);
    let host = UnixStream::from(io::stdout().as_fd().try_clone_to_owned()?);
    listener.set_nonblocking(true)?;
    // A crash must not leave memory, and so secrets, in a file.
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(rustix::process::Resource::Core, none)?;

    rustix::process::umask(rustix::fs::Mode::from_raw_mode(UMASK));

    let mut reader = BufReader::new(host.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let settings: EnvdSettings = serde_json::from_str(&line)?;
    if settings.root.is_none() {
        // Only those who call it miss it.
        let _ = sudo::install();
    }
    let envd = Arc::new(Envd {
        access_token: settings.access_token,
        account: Account::new(settings.root, settings.env_vars),
        processes: ProcessTable::default(),
        watchers: Watchers::default(),
        meter: Meter::default(),
    });
    let (gone, host_gone) = oneshot::channel();
    // A thread of its own: waiting for the end must not depend on the work going on.
    std::thread::Builder::new().name("host-watch".into()).spawn(move || {
        while matches!(reader.read(&mut [0; 64]), Ok(1..)) {}
        let _ = gone.send(());
    })?;

    // One thread is enough: the work is done by the processes, file access goes to a pool.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        settings.limits.apply()?;
        crate::forwarder::start(settings.egress).await?;
        let listener = tokio::net::UnixListener::from_std(listener)?;
        let _caught = CAUGHT.iter().map(|kind| signal(kind())).collect::<io::Result<Vec<_>>>()?;
        tell_ready(host)?;
        let server = axum::serve(listener, router(Arc::clone(&envd)));
        tokio::select! {
            done = server.into_future() => done,
            _ = host_gone => Ok(()),
        }
    })?;
    envd.processes.kill_all();
    // Without waiting for pool threads: one may be reading a pipe that never ends.
    runtime.shutdown_background();
    Ok(())
}

fn tell_ready(mut host: UnixStream) -> io::Result<()> {
    let pid_namespace = std::fs::read_link("/proc/self/ns/pid")
        .map(|link| link.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut line = serde_json::to_vec(&EnvdReady { pid_namespace })?;
    line.push(b'\n');
    host.write_all(&line)
}

fn router(envd: Arc<Envd>) -> Router {
    let calls = Router::new()
        .merge(process::routes())
        .merge(filesystem::routes())
        .merge(watching::routes())
        .layer(middleware::from_fn(accept))
        .layer(DefaultBodyLimit::max(MESSAGE_BYTES_MAX));
    Router::new()
        .route("/metrics", get(measure::metrics))
        .route("/envs", get(envs))
        .merge(calls)
        .layer(middleware::from_fn_with_state(Arc::clone(&envd), auth::require_token))
        // These two check by themselves: health is open, files may be signed.
        .route("/health", get(async || StatusCode::NO_CONTENT))
        .merge(files::routes())
        .layer(middleware::map_request(unread::is_read))
        .with_state(envd)
}

async fn envs(State(envd): State<Arc<Envd>>) -> Json<std::collections::BTreeMap<String, String>> {
    Json(envd.account.env_vars().clone())
}
