//! The local gateway: HTTP in front of the same story that the Lambda functions tell.

mod docs;
mod guard;
pub mod openapi;
mod reply;
mod routes;
mod shapes;
mod table;

use std::net::SocketAddr;
use std::sync::Arc;

use gitledger_functions::World;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::Meter;

/// The largest body, in bytes.
pub const BODY_BYTES_MAX: usize = 8 << 20;

/// What the routes share.
#[derive(Clone)]
pub struct Gateway {
    /// The story's world.
    pub world: Arc<World>,
    /// What `/metrics` shows.
    pub meter: Arc<Meter>,
    /// Operations under way; stopping waits for them.
    pub running: TaskTracker,
}

/// Serves until the token is cancelled, then until the last answer is out.
pub async fn serve(gateway: Gateway, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    let app = table::router(gateway, address);
    axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// Listens. Anything but loopback is refused: there are no API keys yet, and whoever reaches this address
/// can push with the operator's token.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    if !address.ip().is_loopback() {
        return Err(format!(
            "--listen {address}: only loopback addresses are served, because requests are not authenticated; \
             use 127.0.0.1:{} and a tunnel or an authenticating proxy",
            address.port()
        ));
    }
    TcpListener::bind(address).await.map_err(|error| format!("--listen {address}: {error}"))
}
