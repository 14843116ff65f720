//! A git remote of our own: real repositories served by real git over smart HTTP, for the demo and for tests.
//!
//! It behaves like a hosted one: anonymous or authenticated reads, pushes with a token, protected branches,
//! hooks that decline. And it breaks on demand, where a hosted one breaks only by chance: see [`Fault`].
//! There is no TLS: it listens on the machine itself.

mod access;
mod address;
mod backend;
mod fault;
mod generate;
mod git;
mod head;
mod inspect;
mod repository;
mod server;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use access::{Access, Readers, Token};
pub use address::Endpoint;
pub use fault::Fault;
pub use inspect::{contains, refs};
pub use repository::{Protection, Seed, create_bare, protect};

use address::RepositoryName;
use backend::Backends;
use fault::Book;
use server::Server;

/// How long [`Remote::shutdown`] waits for callers to let go before it drops them.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);

/// How a remote is started.
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The directory of the repositories, `<owner>/<name>.git`. Made if it is not there.
    pub root: PathBuf,
    /// What a push takes, and a read of a private repository: the password of HTTP Basic, with any user name.
    /// Without one, nothing can be pushed.
    pub token: Option<Token>,
    /// For every repository that [`Remote::set_access`] says nothing else of.
    pub access: Access,
}

impl RemoteOptions {
    /// A free port of this machine, public repositories, no pushes.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { listen, root: root.into(), token: None, access: Access::PUBLIC }
    }

    /// The same, with this token.
    #[must_use]
    pub fn with_token(self, token: Token) -> Self {
        Self { token: Some(token), ..self }
    }
}

/// A remote that listens. Dropping it stops it as well, without waiting.
pub struct Remote {
    address: SocketAddr,
    server: Arc<Server>,
    serving: JoinHandle<io::Result<()>>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Remote {
    /// Starts to listen; connections are taken from then on. Errors: the address is taken, the root cannot be
    /// made.
    pub async fn start(options: RemoteOptions) -> io::Result<Self> {
        tokio::fs::create_dir_all(&options.root).await?;
        let root = tokio::fs::canonicalize(&options.root).await?;
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let server = Arc::new(Server {
            root,
            token: options.token,
            access: options.access,
            book: Book::default(),
            requests: AtomicU64::new(0),
            backends: Backends::new(stop.clone()),
            stop: stop.clone(),
        });
        let app = Router::new().fallback(server::answer).with_state(Arc::clone(&server));
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move {
            axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await
        });
        Ok(Self { address, server, serving })
    }

    /// `http://127.0.0.1:PORT/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What a client clones: `http://127.0.0.1:PORT/owner/name.git`.
    pub fn repository_url(&self, repository: &str) -> String {
        format!("{}{repository}.git", self.url())
    }

    /// The directory of the repositories, absolute.
    pub fn root(&self) -> &Path {
        &self.server.root
    }

    /// Sets who may do what with one repository, from the next request on.
    pub fn set_access(&self, repository: &str, access: Access) -> io::Result<()> {
        self.server.book.set_access(RepositoryName::parse(repository)?, access);
        Ok(())
    }

    /// From now on, every admitted request of this kind meets the fault; [`Fault::None`] ends it.
    pub fn set_fault(&self, repository: &str, endpoint: Endpoint, fault: Fault) -> io::Result<()> {
        self.server.book.plan(RepositoryName::parse(repository)?, endpoint, fault, None);
        Ok(())
    }

    /// The next `times` admitted requests of this kind meet the fault, and no later one.
    pub fn set_fault_times(
        &self,
        repository: &str,
        endpoint: Endpoint,
        fault: Fault,
        times: u32,
    ) -> io::Result<()> {
        self.server.book.plan(RepositoryName::parse(repository)?, endpoint, fault, Some(times));
        Ok(())
    }

    /// See [`create_bare`]. Blocks while git runs.
    pub fn create(&self, repository: &str, seed: &Seed) -> io::Result<PathBuf> {
        create_bare(self.root(), repository, seed)
    }

    /// See [`protect`].
    pub fn protect(&self, repository: &str, protection: &Protection) -> io::Result<()> {
        protect(self.root(), repository, protection)
    }

    /// See [`refs`]. Blocks while git runs.
    pub fn refs(&self, repository: &str) -> io::Result<BTreeMap<String, String>> {
        refs(self.root(), repository)
    }

    /// See [`contains`]. Blocks while git runs.
    pub fn contains(&self, repository: &str, oid: &str, branch: &str) -> io::Result<bool> {
        contains(self.root(), repository, oid, branch)
    }

    /// Requests of any kind so far, refused ones too.
    pub fn requests(&self) -> u64 {
        self.server.requests.load(Ordering::Relaxed)
    }

    /// Requests of one kind to one existing repository so far, refused ones too.
    pub fn requests_to(&self, repository: &str, endpoint: Endpoint) -> io::Result<u64> {
        Ok(self.server.book.requests(&RepositoryName::parse(repository)?, endpoint))
    }

    /// Git processes that run for a request at this moment.
    pub fn backends_running(&self) -> usize {
        self.server.backends.running()
    }

    /// Stops listening, breaks off what is on the way, and returns when every git process that it started has
    /// been reaped.
    pub async fn shutdown(mut self) {
        self.server.stop.cancel();
        if tokio::time::timeout(SHUTDOWN_MAX, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
        self.server.backends.ended().await;
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.server.stop.cancel();
    }
}
