//! The exporter: publishes the whole set of metrics to a Pushgateway, and never an older one after a
//! newer one.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gitledger_ledger::{Ledger, LedgerError, Position, ProjectionKey, SavedProjection};
use gitledger_operations::failure::CODES;
use gitledger_operations::table;
use gitledger_projections::cost::Price;
use gitledger_projections::metrics::{About, MetricsSnapshot, Observation, Vocabulary};
use url::Url;

use crate::World;

/// Every value of the label `operation`.
static OPERATION_NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| table::all().map(|operation| operation.name).collect());
/// Every value of the label `code`.
static CODE_NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| CODES.iter().map(|code| code.name).chain(["abandoned"]).collect());

/// The fence: the position of the newest snapshot that was handed to the Pushgateway.
const FENCE: ProjectionKey = ProjectionKey { name: "exporter", version: 1 };
/// What one try may take.
const TRY: Duration = Duration::from_secs(2);
/// How often it is tried.
const TRIES: u32 = 3;

/// What came of publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The Pushgateway has it.
    Accepted,
    /// A newer snapshot was published before; this one was dropped.
    Outdated,
    /// The Pushgateway could not be reached or refused; the next snapshot heals it.
    Failed,
}

/// Publishes to one Pushgateway.
pub struct Exporter {
    client: reqwest::Client,
    gateway: Url,
    failures: AtomicU64,
}

impl Exporter {
    /// An exporter for the Pushgateway at this address.
    pub fn new(gateway: Url) -> Result<Self, reqwest::Error> {
        gitledger_sandboxes::tls::install();
        let client = reqwest::Client::builder().timeout(TRY);
        let client = if is_this_machine(&gateway) { client.no_proxy() } else { client }.build()?;
        Ok(Self { client, gateway, failures: AtomicU64::new(0) })
    }

    /// How often publishing has failed since this process started.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Publishes a snapshot, rendered as `text`.
    pub async fn publish(
        &self,
        ledger: &dyn Ledger,
        snapshot: &MetricsSnapshot,
        text: String,
    ) -> Result<Published, LedgerError> {
        let address = group(&self.gateway, snapshot.projection_version);
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
            }
            // Before every try: while one timed out, somebody else may have published a newer one.
            if !pass_fence(ledger, Position::from_u64(snapshot.position)).await? {
                return Ok(Published::Outdated);
            }
            let sent = self
                .client
                .put(address.clone())
                .header("content-type", "text/plain; version=0.0.4")
                .body(text.clone())
                .send()
                .await;
            match sent.and_then(reqwest::Response::error_for_status) {
                Ok(_) => return Ok(Published::Accepted),
                Err(error) => {
                    tracing::warn!(attempt, error = %error.without_url(), "pushgateway did not accept the metrics");
                }
            }
        }
        self.failures.fetch_add(1, Ordering::Relaxed);
        Ok(Published::Failed)
    }
}

/// What is on this machine is not asked for through a proxy.
fn is_this_machine(address: &Url) -> bool {
    match address.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The group of one projection version, so that a rebuilt fold never continues another one's series.
fn group(gateway: &Url, version: u32) -> Url {
    let mut address = gateway.clone();
    let base = address.path().trim_end_matches('/').to_owned();
    address.set_path(&format!("{base}/metrics/job/git_projector/instance/v{version}"));
    address
}

/// Moves the fence forward; `false` when it is further on already.
async fn pass_fence(ledger: &dyn Ledger, position: Position) -> Result<bool, LedgerError> {
    loop {
        let saved = ledger.load_projection(&FENCE).await?.map_or(Position::START, |saved| saved.position);
        if saved > position {
            return Ok(false);
        }
        // The same position again is the heartbeat: what depends on time has moved on.
        let next = SavedProjection { position, state: Vec::new() };
        if saved == position || ledger.save_projection(&FENCE, saved, next).await? {
            return Ok(true);
        }
    }
}

/// The metrics of everything that the ledger holds at this moment.
pub async fn snapshot(world: &World, push_failures: u64) -> Result<MetricsSnapshot, LedgerError> {
    let mut folded = world.projector.caught_up().await?;
    let position = folded.position.as_u64();
    Ok(folded.metrics.snapshot(&Observation {
        now: world.clock.now(),
        position,
        head: position,
        push_failures,
        vocabulary: Vocabulary { operations: &OPERATION_NAMES, codes: &CODE_NAMES },
        price: &Price::E2B_LIST,
        about: About {
            version: env!("CARGO_PKG_VERSION"),
            approach: "event-sourced serverless functions",
            sandbox_provider: "e2b",
        },
    }))
}
