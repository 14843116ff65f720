//! The egress proxy: the only way out of a sandbox that has no network of its own.
//!
//! Each sandbox has its own socket, so the proxy knows who asks. It resolves names itself, once per
//! connection, and connects to the address that it checked: a name cannot change its mind in between. It adds
//! headers to plain requests, for a host and path, as long as the rule stands; a tunnel (CONNECT) is
//! encrypted end to end, so nothing can be added to it. What is not admitted is answered with 403.

mod address;
mod grants;
mod policy;

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderName, Method, Request, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixListener};
use tokio::task::JoinHandle;

use grants::Grants;
pub(super) use grants::{GrantBody, GrantsFull};
use policy::Destination;
pub use policy::Egress;
pub(super) use policy::{NetworkBody, Rules};

/// How long finding an address and connecting may take, each.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a checked address is used for plain requests before the name is looked up again.
const PINNED_FOR: Duration = Duration::from_secs(30);
/// Places to which connections are kept.
const CLIENTS_MAX: usize = 64;
/// Headers that are about one connection, or about the proxy.
const NOT_PASSED_ON: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The gate of one sandbox: what the host allows all, and its own rules.
pub(super) struct Gate {
    egress: Arc<Egress>,
    rules: RwLock<Rules>,
    grants: Grants,
    /// Ways to places for plain requests, each with its checked address.
    clients: Mutex<HashMap<String, (reqwest::Client, Instant)>>,
}

/// A gate that is open as long as this is kept.
pub(super) struct Open(JoinHandle<()>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where the gate of the sandbox with this directory is.
pub(super) fn socket_in(dir: &Path) -> PathBuf {
    dir.join("egress.sock")
}

impl Gate {
    pub(super) fn new(egress: Arc<Egress>, rules: Rules) -> Self {
        Self { egress, rules: RwLock::new(rules), grants: Grants::default(), clients: Mutex::default() }
    }

    /// Replaces the sandbox's rules. Tunnels that are open stay so.
    pub(super) fn set_rules(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
        // Addresses were checked by the old ones.
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What is added for a while, beside the rules.
    pub(super) fn grants(&self) -> &Grants {
        &self.grants
    }

    fn rules(&self) -> Rules {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Listens for the sandbox with this directory.
    pub(super) fn open(self: &Arc<Self>, dir: &Path) -> io::Result<Open> {
        let socket = socket_in(dir);
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(socket)?;
        let gate = Arc::clone(self);
        Ok(Open(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                while connections.try_join_next().is_some() {}
                let gate = Arc::clone(&gate);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&gate), request));
                    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    let _ = served.with_upgrades().await;
                });
            }
        })))
    }

    /// The address to use for a destination now; none when it is not to be gone to.
    async fn resolve(&self, to: &Destination) -> Result<SocketAddr, Refused> {
        let bare = to.host.trim_start_matches('[').trim_end_matches(']');
        let looking = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((bare, to.port))).await;
        let found: Vec<SocketAddr> = match looking {
            Ok(Ok(found)) => found.collect(),
            _ => return Err(Refused::Unreachable),
        };
        self.egress.choose(to, &found, &self.rules()).ok_or(Refused::NotAllowed)
    }

    async fn client(&self, scheme: &str, to: &Destination) -> Result<reqwest::Client, Refused> {
        let key = format!("{scheme}://{}:{}", to.host, to.port);
        let now = Instant::now();
        if let Some((client, until)) = self.lock_clients().get(&key)
            && *until > now
        {
            return Ok(client.clone());
        }
        let address = self.resolve(to).await?;
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(PATIENCE)
            .resolve(&to.host, address);
        // Where nothing is encrypted there are no certificates to look for, which takes its time.
        let builder = if scheme == "https" { builder } else { builder.tls_certs_only([]) };
        let client = builder.build().map_err(|_| Refused::Unreachable)?;
        let mut clients = self.lock_clients();
        if clients.len() >= CLIENTS_MAX {
            clients.clear();
        }
        clients.insert(key, (client.clone(), now + PINNED_FOR));
        Ok(client)
    }

    fn lock_clients(&self) -> std::sync::MutexGuard<'_, HashMap<String, (reqwest::Client, Instant)>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why nothing went out.
#[derive(Debug)]
enum Refused {
    /// The request is not one for a proxy.
    NotProxied,
    NotAllowed,
    Unreachable,
}

async fn answer(gate: Arc<Gate>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let answered = if request.method() == Method::CONNECT {
        tunnel(&gate, request).await
    } else {
        pass(&gate, request).await
    };
    Ok(answered.unwrap_or_else(|refused| {
        let (status, words) = match refused {
            Refused::NotProxied => (StatusCode::BAD_REQUEST, "this is a proxy\n"),
            Refused::NotAllowed => (StatusCode::FORBIDDEN, "this sandbox may not go there\n"),
            Refused::Unreachable => (StatusCode::BAD_GATEWAY, "there is no answer\n"),
        };
        let mut response = Response::new(Body::from(words));
        *response.status_mut() = status;
        response
    }))
}

fn destination(uri: &Uri, port: Option<u16>) -> Result<Destination, Refused> {
    let host = uri.host().ok_or(Refused::NotProxied)?.to_ascii_lowercase();
    let port = uri.port_u16().or(port).ok_or(Refused::NotProxied)?;
    Ok(Destination { host, port })
}

async fn tunnel(gate: &Gate, mut request: Request<Incoming>) -> Result<Response<Body>, Refused> {
    let to = destination(request.uri(), None)?;
    let address = gate.resolve(&to).await?;
    let connecting = tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await;
    let mut outside = connecting.ok().and_then(Result::ok).ok_or(Refused::Unreachable)?;
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(inside) = upgrade.await {
            let _ = copy_bidirectional(&mut TokioIo::new(inside), &mut outside).await;
        }
    });
    Ok(Response::new(Body::empty()))
}

async fn pass(gate: &Gate, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
    let (mut head, body) = request.into_parts();
    if head.uri.scheme_str() != Some("http") {
        return Err(Refused::NotProxied);
    }
    let to = destination(&head.uri, Some(80))?;
    let rules = gate.grants.joined(gate.rules());
    let (added, encrypt) = rules.added(&to.host, head.uri.port_u16(), head.uri.path());
    // What is added is a secret: it goes in the clear only to private places that were named.
    let encrypt = encrypt || (!added.is_empty() && !gate.egress.admits(&to));
    for name in &NOT_PASSED_ON {
        head.headers.remove(name);
    }
    head.headers.remove(header::HOST);
    head.headers.extend(added);
    let scheme = if encrypt { "https" } else { "http" };
    let to = if encrypt { destination(&head.uri, Some(443))? } else { to };
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{scheme}://{}:{}{path}", to.host, to.port);
    let client = gate.client(scheme, &to).await?;
    let request = client.request(head.method, url).headers(head.headers).body(reqwest::Body::wrap(body));
    let answered = request.send().await.map_err(|_| Refused::Unreachable)?;
    let mut response = Response::from(answered).map(Body::new);
    for name in &NOT_PASSED_ON {
        response.headers_mut().remove(name);
    }
    Ok(response)
}
