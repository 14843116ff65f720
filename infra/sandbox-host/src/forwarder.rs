//! Inside a sandbox without a network of its own: a port on its loopback that leads to the host's egress
//! proxy, for programs that know proxies by an address.

use std::io;
use std::path::PathBuf;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};

/// Where programs in the sandbox find the proxy.
pub(crate) const ADDRESS: &str = "127.0.0.1:3128";
/// Where the sandbox sees the proxy's socket.
pub(crate) const SOCKET: &str = "/run/gitledger/egress.sock";

/// Listens and leads every connection to `socket`; nothing to do without one.
pub(crate) async fn start(socket: Option<PathBuf>) -> io::Result<()> {
    let Some(socket) = socket else { return Ok(()) };
    let listener = TcpListener::bind(ADDRESS).await?;
    tokio::spawn(async move {
        loop {
            let Ok((mut inside, _)) = listener.accept().await else {
                // Out of descriptors; some close in a moment.
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                continue;
            };
            let socket = socket.clone();
            tokio::spawn(async move {
                let Ok(mut outside) = UnixStream::connect(socket).await else { return };
                let _ = copy_bidirectional(&mut inside, &mut outside).await;
            });
        }
    });
    Ok(())
}
