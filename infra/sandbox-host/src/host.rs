//! The host: the control plane and the proxy on one TCP port, and the sandboxes behind it.

mod api_error;
mod bodies;
mod cell;
mod cgroup;
mod control;
mod copies;
mod egress;
mod envd_client;
mod event_routes;
mod fleet;
mod gauge;
mod identity;
mod isolation;
mod journal;
mod listing;
mod members;
mod metrics;
mod proxy;
mod repeated;
mod sandbox;
mod service;
mod snapshots;
mod spawner;
mod storage;
mod trouble;
mod usage;
mod warden;
mod webhooks;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use cgroup::Cgroups;
pub use egress::Egress;
use fleet::Fleet;
pub use isolation::Isolation;
use isolation::View;
use journal::Journal;
use snapshots::Snapshots;
use spawner::Spawner;
use storage::Storage;
use trouble::Fates;
pub use trouble::Trouble;
use webhooks::Webhooks;

use crate::limits::Limits;
use crate::serving;

/// How long requests may go on once the host shuts down.
const GOODBYE: Duration = Duration::from_secs(1);
/// The longest path of the directory of sandboxes: a unix socket's has room for about a hundred bytes, and an
/// id and a name come after this.
const DATA_DIR_BYTES_MAX: usize = 68;

/// What of the network sandboxes can reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// All that the machine can, with its loopback and its own network's hosts; or nothing, where a sandbox is
    /// asked for without internet access.
    #[default]
    Open,
    /// Nothing but what the host's egress proxy lets through. Needs isolation.
    Proxied(Egress),
}

/// How a host is to be.
#[derive(Clone)]
pub struct HostOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The host's own directory, made when absent. One host at a time may use it.
    pub data_dir: PathBuf,
    /// The program, with arguments, that calls [`crate::envd_main`]. The first word is an absolute path.
    pub program: Vec<OsString>,
    /// The only API key that is accepted; without it any that is not empty is. Set one that cannot be guessed
    /// wherever sandboxes share the machine's network: what runs in them can reach this host too.
    pub api_key: Option<String>,
    /// Told to clients as the sandboxes' domain: they then look for them at `49983-<id>.<domain>`.
    pub domain: Option<String>,
    /// What isolates: `bwrap` by its path, or as it is found on `PATH`.
    pub bwrap: PathBuf,
    /// False runs sandboxes as plain processes even where they could be isolated.
    pub isolate: bool,
    /// How many sandboxes, running and paused, there may be at once; more are answered with 429.
    pub sandboxes_max: usize,
    /// What each sandbox may use.
    pub limits: Limits,
    /// What of the network they can reach.
    pub network: Network,
    /// Trouble made on purpose.
    pub trouble: Trouble,
    /// How long a webhook's next attempt waits after one that failed.
    pub webhook_retry_after: Duration,
}

impl HostOptions {
    /// On a free port of this machine, with this program's hidden subcommand `sandbox-envd` as envd.
    pub fn new(data_dir: PathBuf) -> io::Result<Self> {
        Ok(Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data_dir,
            program: vec![std::env::current_exe()?.into(), "sandbox-envd".into()],
            api_key: None,
            domain: None,
            bwrap: "bwrap".into(),
            isolate: true,
            sandboxes_max: 100,
            limits: Limits::default(),
            network: Network::default(),
            trouble: Trouble::default(),
            webhook_retry_after: Duration::from_secs(10),
        })
    }
}

impl fmt::Debug for HostOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HostOptions")
            .field("listen", &self.listen)
            .field("data_dir", &self.data_dir)
            .field("program", &self.program)
            .field("api_key", &self.api_key.as_ref().map(|_| "(set)"))
            .field("domain", &self.domain)
            .field("bwrap", &self.bwrap)
            .field("isolate", &self.isolate)
            .field("sandboxes_max", &self.sandboxes_max)
            .field("limits", &self.limits)
            .field("network", &self.network)
            .field("trouble", &self.trouble)
            .field("webhook_retry_after", &self.webhook_retry_after)
            .finish()
    }
}

/// Why a host could not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Its port could not be had.
    #[error("listening on {address}: {source}")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Its directory could not be used, or is used by another host.
    #[error("sandbox directory {}: {source}", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its directory's path leaves no room for a socket's name.
    #[error("sandbox directory {} has too long a path; at most {DATA_DIR_BYTES_MAX} bytes", .0.display())]
    PathTooLong(PathBuf),
    /// The program that is to run as envd is not an absolute path to a file.
    #[error("sandbox program {0:?} is not an absolute path to a file")]
    Program(Vec<OsString>),
    /// The thread that starts sandboxes could not be started.
    #[error("starting the spawning thread: {0}")]
    Thread(io::Error),
    /// Plain processes cannot be kept from the network.
    #[error("sandboxes can be kept from the network only where bwrap isolates them")]
    Network,
    /// What sends to webhooks could not be set up.
    #[error("setting up webhooks: {0}")]
    Webhooks(String),
}

/// What every sandbox stands on.
struct Ground {
    storage: Storage,
    spawner: Spawner,
    isolation: Isolation,
    program: Vec<OsString>,
    bwrap: PathBuf,
    limits: Limits,
    cgroups: Cgroups,
    /// The host's share of the rules of the way out; none: the machine's network.
    egress: Option<Arc<Egress>>,
}

/// A running host. Dropping it stops the service and lets the sandboxes die; [`Self::shutdown`] also waits
/// for that and removes their directories, which otherwise happens at the next start.
#[derive(Debug)]
pub struct Host {
    address: SocketAddr,
    isolation: Isolation,
    fleet: Arc<Fleet>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Host {
    /// Takes the directory, cleans up after a host that died, and serves. Needs a tokio runtime, which has
    /// to live as long as the host.
    pub async fn start(options: HostOptions) -> Result<Self, HostError> {
        let ground = prepare(&options)?;
        let isolation = ground.isolation;
        let listening = |source| HostError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let fleet = Arc::new(gather(ground, &options)?);
        tokio::spawn(warden::watch(Arc::downgrade(&fleet)));
        let service = control::router(Arc::clone(&fleet), options.api_key, options.domain);
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serving::serve(listener, service, serving::IDLE, async {
            let _ = stopped.await;
        }));
        Ok(Self { address, isolation, fleet, stop: Some(stop), server })
    }

    /// For `E2B_API_URL` and `E2B_SANDBOX_URL` alike.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How the sandboxes are kept apart; [`Isolation::Plain`] is worth a warning to people.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// How many sandboxes there are, running and paused.
    pub fn sandboxes(&self) -> usize {
        self.fleet.count()
    }

    /// Takes no more requests, kills every sandbox and removes its directory.
    pub async fn shutdown(mut self) {
        drop(self.stop.take());
        self.fleet.close().await;
        if tokio::time::timeout(GOODBYE, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn gather(ground: Ground, options: &HostOptions) -> Result<Fleet, HostError> {
    let snapshots = Snapshots::open(ground.storage.root().join("snapshots"))
        .map_err(|source| HostError::DataDir { path: options.data_dir.clone(), source })?;
    let webhooks =
        Webhooks::new(options.webhook_retry_after).map_err(|error| HostError::Webhooks(error.to_string()))?;
    let journal = Journal::new(&options.limits, webhooks);
    let fates = Fates::new(options.trouble.clone());
    Ok(Fleet::new(ground, snapshots, journal, fates, options.sandboxes_max))
}

fn prepare(options: &HostOptions) -> Result<Ground, HostError> {
    let absolute = options.program.first().map(PathBuf::from).filter(|path| path.is_absolute());
    if !absolute.is_some_and(|path| path.is_file()) {
        return Err(HostError::Program(options.program.clone()));
    }
    let data_dir = |source| HostError::DataDir { path: options.data_dir.clone(), source };
    let storage = Storage::take(&options.data_dir).map_err(data_dir)?;
    if storage.sandboxes().as_os_str().len() > DATA_DIR_BYTES_MAX {
        return Err(HostError::PathTooLong(options.data_dir.clone()));
    }
    let spawner = Spawner::start(tokio::runtime::Handle::current()).map_err(HostError::Thread)?;
    let isolation = if options.isolate {
        find_isolation(&options.bwrap, &storage).map_err(data_dir)?
    } else {
        Isolation::Plain
    };
    let egress = match &options.network {
        Network::Open => None,
        Network::Proxied(_) if isolation == Isolation::Plain => return Err(HostError::Network),
        Network::Proxied(egress) => Some(Arc::new(egress.clone())),
    };
    let cgroups = Cgroups::take();
    let (program, bwrap, limits) = (options.program.clone(), options.bwrap.clone(), options.limits.clone());
    Ok(Ground { storage, spawner, isolation, program, bwrap, limits, cgroups, egress })
}

fn find_isolation(bwrap: &Path, storage: &Storage) -> io::Result<Isolation> {
    let dir = storage.make_sandbox("probe")?;
    let found = isolation::probe(&View {
        bwrap,
        dir: &dir,
        etc: &storage.etc(),
        network: true,
        boot_id: None,
        egress: None,
    });
    storage::remove_tree(&dir)?;
    Ok(match found {
        Ok(()) => Isolation::Bwrap,
        Err(reason) => {
            tracing::warn!(reason, "sandboxes are not isolated: commands can read and change your files");
            Isolation::Plain
        }
    })
}
