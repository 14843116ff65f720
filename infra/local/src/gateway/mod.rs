//! The local gateway: HTTP in front of the same story that the Lambda functions tell.

mod access;
mod dashboard;
mod docs;
mod guard;
pub(crate) mod measured;
pub mod openapi;
pub(crate) mod reply;
mod route;
mod routes;
mod shapes;
mod table;
mod verdict;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gitledger_events::Stream;
use gitledger_events::operation::Effect;
use gitledger_functions::access::Access;
use gitledger_functions::{Answer, Refusal, Request, Settings, World};
use gitledger_sandbox_host::serving;
use gitledger_sandboxes::{SystemWorld, World as ClockAndIds};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::dashboard::Index;

pub use verdict::Verdict;

/// The largest body, in bytes.
pub const BODY_BYTES_MAX: usize = 8 << 20;

/// What the routes share.
#[derive(Clone)]
pub struct Gateway {
    /// The story's world.
    pub world: Arc<World>,
    /// What the dashboard shows.
    pub dashboard: Arc<Index>,
    /// Whether it is time to leave hosted sandboxes.
    pub verdict: Arc<Verdict>,
    /// Operations under way; stopping waits for them.
    pub running: TaskTracker,
}

impl Gateway {
    /// Does what is asked, in a task of its own: a caller that goes away does not stop it half way. Stopping
    /// waits for it; who comes after that begins nothing.
    pub async fn operate(&self, request: Request) -> Result<Answer, Refusal> {
        self.operate_for(request, None).await
    }

    /// The same, waiting at most this long for the answer; the work goes on. What changes nothing is waited for
    /// to its end: there is nothing of it to ask for before.
    pub async fn operate_for(&self, request: Request, wait: Option<Duration>) -> Result<Answer, Refusal> {
        let _held = self.running.token();
        if self.running.is_closed() {
            return Err(Refusal::Fault("a request arrived while stopping".to_owned()));
        }
        let world = self.world.clone();
        let (id, name) = (request.operation_id, request.operation.clone());
        let reads = gitledger_operations::table::find(&name)
            .is_none_or(|operation| operation.effect == Effect::Reads);
        let wait = wait.filter(|_| !reads);
        let mut task = self.running.spawn(async move { gitledger_functions::operate(&world, request).await });
        let ended = match wait {
            None => task.await,
            Some(wait) => {
                let begun = async {
                    tokio::time::sleep(wait).await;
                    self.begun(id).await;
                };
                tokio::select! {
                    ended = &mut task => ended,
                    () = begun => {
                        return Ok(Answer::unknown(id, &name, "the operation has not ended yet; it goes on"));
                    }
                }
            }
        };
        ended.unwrap_or_else(|error| Err(Refusal::Fault(error.to_string())))
    }

    /// Returns when an operation has been recorded and can be asked for; never when it has ended, because then
    /// its answer is on its way.
    async fn begun(&self, id: Uuid) {
        let (ledger, stream) = (&self.world.ledger, Stream::operation(id));
        loop {
            let Ok(head) = ledger.head().await else { return };
            match ledger.read_stream(&stream, 1).await {
                Ok(records) if records.is_empty() => {}
                Ok(records) if Answer::of_stream(id, &records).is_some() => std::future::pending().await,
                _ => return,
            }
            if ledger.wait(head, Duration::from_secs(1)).await.is_err() {
                return;
            }
        }
    }
}

/// Serves until the token is cancelled, then until the last answer is out.
pub async fn serve(gateway: Gateway, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    let app = table::router(gateway, address);
    serving::serve(listener, app, serving::IDLE, stop.cancelled_owned()).await;
    Ok(())
}

/// Listens.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("--listen {address}: {error}"))
}

/// Whether requests at this address must carry a key: whoever reaches it can push with the operator's token,
/// and only loopback is reached by nobody else. Refused when they must and there is no key.
pub fn keys_required(address: SocketAddr, settings: &Settings) -> Result<bool, String> {
    let open = !address.ip().is_loopback();
    if !open && !settings.keys_required {
        return Ok(false);
    }
    let file = settings.keys_file();
    let has_a_key = Access::new(file.clone(), true).has_a_key(SystemWorld.now());
    if has_a_key.map_err(|error| error.to_string())? {
        return Ok(true);
    }
    let asked = if open { format!("--listen {address}") } else { "--require-keys".to_owned() };
    Err(format!(
        "{asked}: requests need an API key there, and there is none in {}; make one with \
         `gitledger keys create --name NAME`, or listen on 127.0.0.1:{}",
        file.display(),
        address.port()
    ))
}
