//! The feed of a machine: every event to NATS, as soon as it happened, by one program at a time.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gitledger_functions::Settings;
use gitledger_functions::feed::{BATCH, Fed, Feed, Nats, NatsServer};
use gitledger_ledger::{Ledger, LedgerError};
use gitledger_sandboxes::SystemWorld;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Held in a data directory by whoever feeds from its ledger.
const LOCK_FILE: &str = "feed.lock";
/// Events that happen within this time go together: for each round the place is written down.
const EVERY: Duration = Duration::from_millis(200);
/// How long nothing happens before it is looked again.
const LOOK: Duration = Duration::from_secs(5);
/// Between tries: twice as long each time.
const AGAIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];
/// What the end waits for the last events.
const LAST: Duration = Duration::from_secs(5);

/// Feeds from one ledger to one server. Another one is shut out by a lock that dies with its process, so that what a
/// dead one held needs not be waited for.
#[derive(Clone)]
pub(crate) struct Feeder {
    feed: Arc<Mutex<Feed>>,
    server: NatsServer,
    _lock: Arc<File>,
}

impl Feeder {
    /// By the settings; `None`: no server is named.
    pub(crate) fn of(settings: &Settings) -> Result<Option<Self>, String> {
        let Some(server) = settings.nats.clone() else { return Ok(None) };
        let feed = Feed::alone_to(Box::new(Nats::at(server.clone())));
        let lock = take(&settings.data_dir)?;
        Ok(Some(Self { feed: Arc::new(Mutex::new(feed)), server, _lock: Arc::new(lock) }))
    }

    /// What to tell the user.
    pub(crate) fn line(&self) -> String {
        format!("fed            every event to {}, subjects gitledger.events.<type>", self.server)
    }

    /// Feeds until it is told to stop. What is in the way is told once, and waited for.
    pub(crate) async fn run(self, ledger: Arc<dyn Ledger>, stop: CancellationToken) {
        let mut feed = self.feed.lock().await;
        let (mut pause, mut in_the_way) = (AGAIN[0], None);
        loop {
            let next = async {
                let head = ledger.head().await?;
                let ended = feed.round(ledger.as_ref(), &SystemWorld).await?;
                if ended == Fed::Nothing {
                    ledger.wait(head, LOOK).await?;
                }
                Ok(ended)
            };
            let ended = tokio::select! {
                () = stop.cancelled() => break,
                ended = next => ended.unwrap_or_else(|error: LedgerError| Fed::Failed(error.to_string())),
            };
            let wait = match ended {
                Fed::Events(BATCH) | Fed::Nothing => Duration::ZERO,
                Fed::Events(_) => EVERY,
                Fed::Held => LOOK,
                Fed::Failed(reason) => {
                    if in_the_way.as_ref() != Some(&reason) {
                        tracing::warn!(
                            reason,
                            "events wait: the message bus does not take them; it is tried again"
                        );
                        in_the_way = Some(reason);
                    }
                    pause = (pause * 2).min(AGAIN[1]);
                    pause
                }
            };
            if wait < AGAIN[0] && in_the_way.take().is_some() {
                tracing::warn!("the message bus takes events again");
                pause = AGAIN[0];
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Feeds what there is; how many events, and why no more.
    pub(crate) async fn all(&self, ledger: &dyn Ledger) -> Result<(usize, Fed), LedgerError> {
        self.feed.lock().await.catch_up(ledger, &SystemWorld).await
    }

    /// The last events, if the server takes them at once.
    pub(crate) async fn finish(&self, ledger: &dyn Ledger) {
        let reason = match tokio::time::timeout(LAST, self.all(ledger)).await {
            Ok(Ok((_, Fed::Nothing))) => return,
            Ok(Ok((_, Fed::Failed(reason)))) => reason,
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(_)) | Err(_) => "it took too long".to_owned(),
        };
        tracing::warn!(reason, "the last events were not fed; they are at the next start");
    }
}

fn take(data: &Path) -> Result<File, String> {
    let path = data.join(LOCK_FILE);
    let lock = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    lock.try_lock().map_err(|_| {
        format!(
            "another program feeds the events of {} already; stop it, or leave --nats out",
            data.display()
        )
    })?;
    Ok(lock)
}
