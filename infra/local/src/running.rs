//! The running system: what `up` and `demo` start, and how it stops without losing anything.

mod background;
pub(crate) mod feeding;
mod greeting;

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gitledger_events::sandbox::KillReason;
use gitledger_functions::exporter::Exporter;
use gitledger_functions::settings::{HOST_FILE, HostFile, LEDGER_FILE, LedgerKind};
use gitledger_functions::{Settings, World, reaper};
use gitledger_ledger::Ledger;
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_sandbox_host::{Host, HostError, HostOptions, Network};
use gitledger_sandboxes::{Endpoint, Sandboxes, Secret, SystemWorld, World as ClockAndIds};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::commands::host_arguments::Tuning;
use crate::dashboard::Index;
use crate::gateway::{self, Gateway};
use crate::text;
use feeding::Feeder;

/// How long stopping waits for operations under way.
const DRAIN: Duration = Duration::from_secs(30);
/// How long stopping then waits for answers on their way out. Not for ever: one caller that never sends the
/// body it promised holds its connection open.
const ANSWERS_OUT: Duration = Duration::from_secs(2);
/// How long stopping waits for all background work together.
const BACKGROUND_END: Duration = Duration::from_secs(10);

/// The exit code of a program that was told to end before it was done.
pub const INTERRUPTED: i32 = 130;

/// Held in a data directory by whoever runs on it.
pub const LOCK_FILE: &str = "up.lock";
/// Where the gateway of a data directory is, while it runs.
pub const GATEWAY_FILE: &str = "gateway.url";

/// What is started.
pub struct Options {
    /// Where the gateway listens; port 0 takes a free one. `None`: nowhere, it is asked in this process only.
    pub listen: Option<SocketAddr>,
    /// Where the local sandbox host listens, unless the settings name another host.
    pub host_listen: SocketAddr,
    /// How it is to behave.
    pub host: Tuning,
    /// The rest.
    pub settings: Settings,
}

/// Everything, running.
pub struct System {
    /// The story's world.
    pub world: Arc<World>,
    /// Where the gateway is; empty when it listens nowhere.
    pub url: String,
    host: Option<Host>,
    gateway: Gateway,
    exporter: Option<Arc<Exporter>>,
    feeder: Option<Feeder>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    background: Vec<JoinHandle<()>>,
    host_file: Option<PathBuf>,
    lines: Vec<String>,
    // Held until the end: one system per data directory.
    _lock: File,
}

impl System {
    /// Starts everything; returns when the gateway answers. What a dead predecessor left open is closed by
    /// the reaper's first round, soon afterwards: it may have to ask a slow remote.
    pub async fn start(options: Options) -> Result<Self, String> {
        let Options { listen, host_listen, host, mut settings } = options;
        if settings.ledger == LedgerKind::Dynamo {
            return Err("GITLEDGER_LEDGER must be `sqlite` here; the functions on AWS keep the other (infra/aws/README.md)".into());
        }
        let data_dir = settings.data_dir.clone();
        let lock = take(&data_dir)?;
        if let Some(address) = listen {
            settings.keys_required = gateway::keys_required(address, &settings)?;
        }
        let listener = listening(listen).await?;
        let url = listener.as_ref().map(address_of).transpose()?.unwrap_or_default();
        let deployment = deployment(&data_dir, settings.deployment.take())?;
        let (host, host_file) = match settings.endpoint {
            Some(_) => (None, None),
            None => local_host(&data_dir, host_listen, host, &mut settings)
                .await
                .map(|(host, file)| (Some(host), Some(file)))?,
        };
        let exporter =
            Exporter::to(settings.pushgateway.clone(), settings.remote_write.clone()).map_err(text)?;
        let exporter = exporter.map(Arc::new);
        let feeder = Feeder::of(&settings)?;
        let _ = std::fs::remove_file(data_dir.join(GATEWAY_FILE));
        if listener.is_some() {
            std::fs::write(data_dir.join(GATEWAY_FILE), &url).map_err(text)?;
        }
        let mut lines = greeting::lines(&settings, host.as_ref(), feeder.as_ref(), &url);

        let ledger = SqliteLedger::open(&data_dir.join(LEDGER_FILE), Durability::Full).map_err(text)?;
        let ledger: Arc<dyn Ledger> = Arc::new(ledger);
        let clock: Arc<dyn ClockAndIds> = Arc::new(SystemWorld);
        let endpoint = settings.endpoint.clone().ok_or("no sandbox host")?;
        let sandboxes = Sandboxes::new(ledger.clone(), endpoint, clock.clone()).map_err(text)?;
        let sandboxes = Arc::new(sandboxes.of_deployment(&deployment));
        let holder = format!("{}{}", reaper::LOCAL_HOLDER, clock.id());
        let world = World::new(ledger, sandboxes, clock, settings, Some(holder)).await.map_err(text)?;
        let world = Arc::new(World { local_host: host.is_some(), ..world });
        // Before the first request, so that all of them are a predecessor's.
        let open = world.projector.caught_up().await.map_err(text)?.open.all().count();
        if open > 0 {
            lines.push(format!("closing        {open} operations that a predecessor left open"));
        }

        if feeder.is_none() {
            gitledger_functions::feed::retire(world.ledger.as_ref()).await.map_err(text)?;
        }

        let dashboard = Arc::new(Index::new(world.ledger.clone()));
        let verdict = Arc::new(gateway::Verdict::of(data_dir));
        let gateway = Gateway { world: world.clone(), dashboard, verdict, running: TaskTracker::new() };
        let stop = CancellationToken::new();
        let serving = start_serving(&gateway, listener, &stop);
        let background = background::start(&gateway, exporter.clone(), feeder.as_ref(), &stop);
        Ok(Self {
            world,
            url,
            host,
            gateway,
            exporter,
            feeder,
            stop,
            serving,
            background,
            host_file,
            lines,
            _lock: lock,
        })
    }

    /// What to tell the user.
    pub fn greeting(&self) -> &[String] {
        &self.lines
    }

    /// Where operations are asked for.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The local sandbox host, when there is one.
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// Stops: no new requests, the running ones to their end, sandboxes of a local host ended, the last
    /// state saved. Says what was done.
    pub async fn stop(mut self) -> Result<String, String> {
        self.stop.cancel();
        self.gateway.running.close();
        let drained = tokio::time::timeout(DRAIN, self.gateway.running.wait()).await.is_ok();
        end_within(ANSWERS_OUT, vec![self.serving]).await;
        end_within(BACKGROUND_END, self.background).await;
        let mut ended = 0;
        if let Some(host) = self.host.take() {
            ended = reaper::kill_all(&self.world, KillReason::Shutdown).await.map_err(text)?;
            host.shutdown().await;
        }
        if let Some(file) = &self.host_file {
            let _ = std::fs::remove_file(file);
        }
        self.world.projector.save().await.map_err(text)?;
        self.world.spending.save().await.map_err(text)?;
        if let Some(exporter) = &self.exporter {
            // What ended while draining, and the sandboxes: a Pushgateway shows the last numbers for ever.
            let published = exporter.publish(&self.world).await;
            published.map_err(|error| error.to_string())?;
        }
        if let Some(feeder) = &self.feeder {
            feeder.finish(self.world.ledger.as_ref()).await;
        }
        let open = self.world.projector.caught_up().await.map_err(text)?.open.all().count();
        let sandboxes = if ended == 0 {
            String::new()
        } else {
            format!("; {ended} sandboxes ended with their workspaces")
        };
        Ok(match (drained, open) {
            (true, 0) => format!("stopped; every operation has its outcome{sandboxes}"),
            _ => format!(
                "stopped; {open} operations have no outcome yet and get it at the next start{sandboxes}"
            ),
        })
    }
}

async fn listening(listen: Option<SocketAddr>) -> Result<Option<TcpListener>, String> {
    match listen {
        Some(address) => gateway::listen(address).await.map(Some),
        None => Ok(None),
    }
}

fn address_of(listener: &TcpListener) -> Result<String, String> {
    Ok(format!("http://{}", listener.local_addr().map_err(text)?))
}

fn start_serving(
    gateway: &Gateway,
    listener: Option<TcpListener>,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    let serving = listener.map(|listener| gateway::serve(gateway.clone(), listener, stop.clone()));
    tokio::spawn(async move {
        let Some(serving) = serving else { return };
        if let Err(error) = serving.await {
            tracing::error!(%error, "gateway ended");
        }
    })
}

/// Waits until all have ended, together at most this long; what has not is aborted.
async fn end_within(patience: Duration, tasks: Vec<JoinHandle<()>>) {
    let deadline = tokio::time::Instant::now() + patience;
    for mut task in tasks {
        // A task that panicked has nothing left to be waited for.
        if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// One system per data directory: two reapers would close each other's operations.
pub(crate) fn take(data_dir: &Path) -> Result<File, String> {
    std::fs::create_dir_all(data_dir).map_err(|error| format!("{}: {error}", data_dir.display()))?;
    let lock = File::create(data_dir.join(LOCK_FILE)).map_err(text)?;
    lock.try_lock().map_err(|_| {
        let data = data_dir.display();
        format!(
            "another `gitledger up` or `gitledger mcp` runs on {data}; stop it, name another --data, or let \
             `gitledger mcp --url` ask its gateway"
        )
    })?;
    Ok(lock)
}

/// The mark on this deployment's sandboxes; made once per data directory, so that two machines that share
/// an E2B account never take each other's sandboxes for leaked.
fn deployment(data_dir: &Path, named: Option<String>) -> Result<String, String> {
    if let Some(name) = named {
        return Ok(name);
    }
    let file = data_dir.join("deployment");
    match std::fs::read_to_string(&file) {
        Ok(name) if !name.trim().is_empty() => Ok(name.trim().to_owned()),
        _ => {
            let name = SystemWorld.id().to_string();
            std::fs::write(&file, format!("{name}\n")).map_err(text)?;
            Ok(name)
        }
    }
}

/// Starts the local host and leaves word of it for functions of the same data directory.
async fn local_host(
    data_dir: &Path,
    listen: SocketAddr,
    tuning: Tuning,
    settings: &mut Settings,
) -> Result<(Host, PathBuf), String> {
    let key = Secret::random().ok_or("the system has no randomness")?;
    let mut options = HostOptions::new(sandbox_dir(data_dir)?).map_err(text)?;
    options.listen = listen;
    options.api_key = Some(key.expose().to_owned());
    tuning.set(&mut options);
    let gated = matches!(options.network, Network::Proxied(_));
    let host = match Host::start(options.clone()).await {
        // The port is somebody else's; any will do, because it is written down.
        Err(HostError::Listen { .. }) => {
            options.listen = SocketAddr::new(listen.ip(), 0);
            Host::start(options).await.map_err(text)?
        }
        started => started.map_err(text)?,
    };
    let endpoint = Endpoint { gated, ..Endpoint::at(host.url(), key.clone()) };
    let file = data_dir.join(HOST_FILE);
    let word = HostFile { api_url: host.url(), api_key: key.expose().to_owned(), gated };
    write_private(&file, &serde_json::to_vec(&word).map_err(text)?)?;
    settings.endpoint = Some(endpoint);
    Ok((host, file))
}

/// Where sandboxes live. A unix socket's path has room for about a hundred bytes, so that a data directory
/// deep down has them under the system's temporary directory instead, in a place of its own.
fn sandbox_dir(data_dir: &Path) -> Result<PathBuf, String> {
    let data_dir = data_dir.canonicalize().map_err(text)?;
    let within = data_dir.join("sandboxes");
    if within.as_os_str().len() <= 60 {
        return Ok(within);
    }
    let name = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, data_dir.as_os_str().as_encoded_bytes());
    Ok(std::env::temp_dir().join(format!("gitledger-{}", name.simple())))
}

fn write_private(file: &Path, bytes: &[u8]) -> Result<(), String> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let _ = std::fs::remove_file(file);
    let mut options = std::fs::OpenOptions::new();
    let mut handle = options.write(true).create_new(true).mode(0o600).open(file).map_err(text)?;
    handle.write_all(bytes).map_err(text)
}

/// Returns when the user or the system wants the program to end.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
