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
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use grants::Grants;
pub(super) use grants::{GrantBody, GrantsFull};
use policy::Destination;
pub use policy::Egress;
pub(super) use policy::{NetworkBody, Rules};

use crate::serving::IDLE;

/// How long finding an address and connecting may take, each.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a checked address is used for plain requests before the name is looked up again.
const PINNED_FOR: Duration = Duration::from_secs(30);
/// Places to which connections are kept.
const CLIENTS_MAX: usize = 64;
/// Connections of one sandbox to its gate at once; the next waits until one of them ends.
const CONNECTIONS_MAX: usize = 256;
/// Tunnels of one sandbox at once; they last as long as both sides like, so one more is refused.
const TUNNELS_MAX: usize = 256;
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
    tunnels: Arc<Semaphore>,
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
        Self {
            egress,
            rules: RwLock::new(rules),
            grants: Grants::default(),
            clients: Mutex::default(),
            tunnels: Arc::new(Semaphore::new(TUNNELS_MAX)),
        }
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
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(IDLE);
            loop {
                while connections.try_join_next().is_some() {}
                if connections.len() >= CONNECTIONS_MAX {
                    connections.join_next().await;
                }
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                let gate = Arc::clone(&gate);
                let service = service_fn(move |request| answer(Arc::clone(&gate), request));
                let served = http.serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move {
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
    TooManyTunnels,
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
            Refused::TooManyTunnels => {
                (StatusCode::SERVICE_UNAVAILABLE, "this sandbox has too many tunnels; close some\n")
            }
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
    let place = Arc::clone(&gate.tunnels).try_acquire_owned().map_err(|_| Refused::TooManyTunnels)?;
    let address = gate.resolve(&to).await?;
    let connecting = tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await;
    let mut outside = connecting.ok().and_then(Result::ok).ok_or(Refused::Unreachable)?;
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(inside) = upgrade.await {
            let _ = copy_bidirectional(&mut TokioIo::new(inside), &mut outside).await;
        }
        drop(place);
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, UnixStream};

    use super::*;

    /// A tunnel's inner end, and what the gate said of it.
    async fn asked(dir: &Path, to: SocketAddr) -> (UnixStream, String) {
        let mut stream = UnixStream::connect(socket_in(dir)).await.unwrap();
        stream.write_all(format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n").as_bytes()).await.unwrap();
        let mut head = vec![0; 1024];
        let length = stream.read(&mut head).await.unwrap();
        let said = String::from_utf8_lossy(&head[..length]).lines().next().unwrap_or_default().to_owned();
        (stream, said)
    }

    #[tokio::test]
    async fn a_sandbox_has_so_many_tunnels_and_one_that_ends_makes_room() {
        let outside = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = outside.local_addr().unwrap();
        let egress = Egress { allow: Vec::new(), admit_private: vec![to.to_string()] };
        let gate = Arc::new(Gate::new(Arc::new(egress), Rules::default()));
        gate.tunnels.forget_permits(TUNNELS_MAX - 1);
        let dir = tempfile::tempdir().unwrap();
        let _open = gate.open(dir.path()).unwrap();
        let (first, said) = asked(dir.path(), to).await;
        assert_eq!(said, "HTTP/1.1 200 OK");
        assert_eq!(asked(dir.path(), to).await.1, "HTTP/1.1 503 Service Unavailable");
        drop((first, outside.accept().await.unwrap()));
        let free = gate.tunnels.clone().acquire_owned();
        drop(tokio::time::timeout(Duration::from_secs(30), free).await.expect("it is free again"));
        assert_eq!(asked(dir.path(), to).await.1, "HTTP/1.1 200 OK");
    }
}
