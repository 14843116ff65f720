//! The exporter: publishes the whole set of metrics, and never an older one after a newer one.
//!
//! A fence in the ledger holds what was last handed over, and who is handing over now: whoever publishes takes it
//! with a compare-and-set, and nobody else does meanwhile. What the fence says is written before anything is sent, so
//! that whoever comes after a crash shows no less.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gitledger_ledger::LedgerError;
use gitledger_operations::failure::CODES;
use gitledger_operations::table;
use gitledger_projections::Projection;
use gitledger_projections::cost::Prices;
use gitledger_projections::counting::ABANDONED;
use gitledger_projections::metrics::{About, Metrics, MetricsSnapshot, Observation, Vocabulary};

use crate::World;
use fence::Fence;
pub(crate) use pushgateway::client_for;
pub use pushgateway::{Pushgateway, is_this_machine};
pub use remote_write::{Credential, Destination, RemoteWrite};
pub use sigv4::Aws;
pub(crate) use sigv4::Signing;

mod fence;
mod pushgateway;
mod remote_write;
mod sigv4;

/// Every value of the label `operation`.
static OPERATION_NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| table::all().map(|operation| operation.name).collect());
/// Every value of the label `code`.
static CODE_NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| CODES.iter().map(|code| code.name).chain([ABANDONED]).collect());

/// The job that all series have.
pub const JOB: &str = "git_projector";
/// How often publishing is tried.
const TRIES: u32 = 3;
/// So many snapshots dropped one after the other are told: now and then another is faster, always is a fault.
const DROPPED_TOLD: u32 = 4;

/// What came of publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It was taken.
    Accepted,
    /// A newer snapshot was published before, or is being published now; this one was dropped.
    Outdated,
    /// Nobody could be reached, or it was refused; the next snapshot heals it.
    Failed,
}

/// Publishes to a Pushgateway, by remote write, or both.
pub struct Exporter {
    gateway: Option<Pushgateway>,
    remote: Option<RemoteWrite>,
    /// What one try may take.
    patience: Duration,
    /// Snapshots dropped since the last that was not.
    dropped: AtomicU32,
}

impl Exporter {
    /// An exporter to this gateway.
    pub fn new(gateway: Pushgateway) -> Self {
        Self {
            patience: gateway.patience(),
            gateway: Some(gateway),
            remote: None,
            dropped: AtomicU32::new(0),
        }
    }

    /// An exporter to what is named; `None`: nothing is.
    pub fn to(
        gateway: Option<Destination>,
        remote: Option<Destination>,
    ) -> Result<Option<Self>, reqwest::Error> {
        if gateway.is_none() && remote.is_none() {
            return Ok(None);
        }
        let gateway = gateway.map(Pushgateway::to).transpose()?;
        let remote = remote.map(|to| RemoteWrite::to(to, pushgateway::PATIENCE)).transpose()?;
        Ok(Some(Self { gateway, remote, patience: pushgateway::PATIENCE, dropped: AtomicU32::new(0) }))
    }

    /// Publishes what the ledger holds at this moment. Waits for somebody else who is publishing, as long as that may
    /// take.
    pub async fn publish(&self, world: &World) -> Result<Published, LedgerError> {
        let published = self.publish_newest(world).await?;
        if self.begins_to_be_dropped_for_long(published) {
            tracing::warn!(
                times = DROPPED_TOLD,
                "nothing is published: what was handed over before is newer each time; see that the clocks of all that publish are right"
            );
        }
        Ok(published)
    }

    /// True once, when so many were dropped one after the other.
    fn begins_to_be_dropped_for_long(&self, published: Published) -> bool {
        if published != Published::Outdated {
            self.dropped.store(0, Ordering::Relaxed);
            return false;
        }
        let before = self.dropped.load(Ordering::Relaxed);
        self.dropped.store(before.saturating_add(1), Ordering::Relaxed);
        before.saturating_add(1) == DROPPED_TOLD
    }

    async fn publish_newest(&self, world: &World) -> Result<Published, LedgerError> {
        // Twice: who was held up for so long that another took the fence has perhaps overwritten something newer.
        for _ in 0..2 {
            if let Some(published) = self.publish_once(world).await? {
                return Ok(published);
            }
            tracing::warn!("the fence was lost while publishing; it is published again");
        }
        Ok(Published::Outdated)
    }

    /// `None`: the fence was lost on the way.
    async fn publish_once(&self, world: &World) -> Result<Option<Published>, LedgerError> {
        let ledger = world.ledger.as_ref();
        // Both are tried one after the other.
        let hold = self.patience * 5 / 2;
        let mut fence = Fence::free(world, hold).await?;
        let snapshot = {
            let mut snapshot = Taken::of(world, Some(&fence)).await?;
            if fence.is_after(&snapshot.numbers, world.clock.now(), hold) {
                return Ok(Some(Published::Outdated));
            }
            snapshot.numbers.set_epoch(fence.next_epoch());
            snapshot
        };
        let text = gitledger_projections::metrics::render(&snapshot.numbers);
        if !fence.take(ledger, &snapshot, world.clock.now(), hold).await? {
            return Ok(Some(Published::Outdated));
        }
        let group = instance_of(&world.prices);
        let mut left = [self.gateway.is_some(), self.remote.is_some()];
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
                if !fence.renew(ledger, world.clock.now(), hold).await? {
                    return Ok(None);
                }
            }
            if let Some(gateway) = self.gateway.as_ref().filter(|_| left[0]) {
                let sent = gateway.put(&group, text.clone()).await;
                left[0] = sent.is_err();
                if let Err(error) = sent {
                    tracing::warn!(attempt, %error, "pushgateway did not accept the metrics");
                }
            }
            if let Some(remote) = self.remote.as_ref().filter(|_| left[1]) {
                let sent = remote.send(&snapshot.numbers, &group).await;
                left[1] = sent.is_err();
                if let Err(error) = sent {
                    tracing::warn!(attempt, %error, "remote write did not accept the metrics");
                }
            }
            if left == [false; 2] {
                break;
            }
        }
        let accepted = left == [false; 2];
        if accepted {
            self.forget_old_group(&mut fence, &group).await;
        } else {
            fence.failed();
        }
        if !fence.release(ledger).await? {
            return Ok(None);
        }
        Ok(Some(if accepted { Published::Accepted } else { Published::Failed }))
    }

    /// What an earlier fold, or one with other prices, has published would be shown for ever.
    async fn forget_old_group(&self, fence: &mut Fence, group: &str) {
        let old = fence.group().filter(|old| old != group);
        if let (Some(old), Some(gateway)) = (old, &self.gateway)
            && let Err(error) = gateway.delete(&old).await
        {
            tracing::warn!(%error, old, "the old group was not deleted; it is tried again");
            return;
        }
        fence.set_group(group);
    }
}

/// The group of one fold and one set of prices, the label `instance`: a rebuilt fold, or cheaper prices, never continue
/// another one's series, whose totals may be higher.
pub fn instance_of(prices: &Prices) -> String {
    format!("v{}-{}", Metrics::VERSION, prices.digest())
}

/// A snapshot, and what it shows of what depends on the time.
struct Taken {
    numbers: MetricsSnapshot,
    shown: gitledger_projections::metrics::Shown,
}

impl Taken {
    async fn of(world: &World, fence: Option<&Fence>) -> Result<Self, LedgerError> {
        let now = world.clock.now();
        let budgets = world.spending.standings(now).await?;
        let lists = world.prices.lists();
        let feed = crate::feed::standing(world.ledger.as_ref()).await?;
        let mut folded = world.projector.caught_up().await?;
        // Whoever published before a crash may have shown more than what is saved knows of.
        if let Some(fence) = fence {
            folded.metrics.raise(fence.shown());
        }
        let position = folded.position.as_u64();
        let head = world.ledger.head().await?.as_u64();
        let parked = folded.skipped.len();
        let numbers = folded.metrics.snapshot(&Observation {
            // Not the instant before: what was caught up may have happened meanwhile.
            now: world.clock.now(),
            position,
            head,
            push_failures: fence.map_or(0, Fence::failures),
            vocabulary: vocabulary(&lists),
            prices: &world.prices,
            budgets: &budgets,
            parked,
            feed,
            about: ABOUT,
        });
        Ok(Self { numbers, shown: folded.metrics.shown().clone() })
    }
}

/// What `git_operations_info` says.
pub const ABOUT: About<'static> = About {
    version: env!("CARGO_PKG_VERSION"),
    approach: "event-sourced serverless functions",
    sandbox_provider: "e2b",
};

/// The words for labels, with these price lists.
pub fn vocabulary<'a>(prices: &'a [&'a str]) -> Vocabulary<'a> {
    Vocabulary { operations: &OPERATION_NAMES, codes: &CODE_NAMES, prices }
}

/// The metrics of everything that the ledger holds at this moment, as whoever asks for them sees them.
pub async fn snapshot(world: &World) -> Result<MetricsSnapshot, LedgerError> {
    let fence = Fence::look(world.ledger.as_ref()).await?;
    let mut taken = Taken::of(world, Some(&fence)).await?;
    taken.numbers.set_epoch(fence.epoch());
    Ok(taken.numbers)
}

#[cfg(test)]
mod tests {
    use gitledger_projections::counting::{HOUSEKEEPING, UNKNOWN_GIT_ERROR};
    use gitledger_projections::sandbox_state::FILLS_POOL;

    use super::*;

    #[test]
    fn the_names_that_the_folds_know_are_those_of_the_tables() {
        for name in HOUSEKEEPING.iter().chain([&FILLS_POOL]) {
            assert!(table::all().any(|operation| operation.name == *name), "{name}");
        }
        assert!(CODES.iter().any(|code| code.name == UNKNOWN_GIT_ERROR));
        assert!(CODES.iter().all(|code| code.name != ABANDONED), "it is nobody's failure");
    }

    #[test]
    fn snapshots_that_are_always_dropped_are_told_once() {
        let exporter = Exporter::new(Pushgateway::at("http://127.0.0.1:9".parse().unwrap()).unwrap());
        let told = |published| exporter.begins_to_be_dropped_for_long(published);
        let dropped = |times: usize| (0..times).filter(|_| told(Published::Outdated)).count();
        assert_eq!(dropped(3), 0);
        assert!(!told(Published::Accepted));
        assert_eq!((dropped(3), dropped(100)), (0, 1));
        assert!(!told(Published::Failed));
        assert_eq!(dropped(4), 1, "again, when it comes again");
    }

    #[test]
    fn all_operations_and_codes_together_make_no_more_than_two_thousand_series() {
        let lists = Prices::standard().lists();
        let snapshot = Metrics::default().snapshot(&Observation {
            now: jiff::Timestamp::UNIX_EPOCH,
            position: 0,
            head: 0,
            push_failures: 0,
            vocabulary: vocabulary(&lists),
            prices: Prices::standard(),
            budgets: &[],
            parked: 0,
            feed: gitledger_projections::metrics::FeedStanding::default(),
            about: ABOUT,
        });
        let text = gitledger_projections::metrics::render(&snapshot);
        let series = text.lines().filter(|line| !line.starts_with('#')).count();
        println!("{series} series");
        assert!((1000..=2000).contains(&series), "{series} series");
    }
}
