//! The ledger on DynamoDB, for where one machine is outgrown.
//!
//! Two tables. In that of *events* a commit is one item of its stream's partition: an append is one conditional
//! put and no transaction, and two who want the same version want the same key. Its DynamoDB stream is read by the
//! [`Sequencer`], which writes the *log*: packed segments in the order of the whole ledger. So a position is given
//! some time after the append, by one writer at a time, and no reader ever sees a gap. [`DynamoLedger::repair`] finds what the stream
//! may have lost. The log's table has also the projections and what they have parked.
//!
//! Deliberately absent: a counter in a transaction (four times the price, and all writers wait for one item); an
//! index with all events (late, and its hot key slows the appends); any scan to read everything.

mod batch;
mod books;
mod bucket;
mod claims;
mod commit_item;
mod failure;
mod item;
mod known;
mod lines;
mod log;
mod marks;
mod parked;
mod patience;
mod repair;
mod retry;
mod saved;
mod segment;
mod sequencer;
mod settings;
mod shards;
mod signed;
mod store;
mod streams;
mod tables;
mod transport;
pub mod units;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::config::HttpClient;
use gitledger_events::{Record, Stream};

pub use batch::{BatchFailure, BatchReply, NotABatch, StreamBatch, StreamRecord};
pub use bucket::S3;
pub use claims::{Bulk, Claims};
pub use patience::Patience;
pub use repair::Repaired;
pub use retry::{Folded, Retried};
pub use sequencer::{Sequenced, Sequencer};
pub use settings::{AccessKeys, Bucket, DynamoSettings};
pub use shards::StreamReader;
pub use signed::Signed;
pub use transport::Transport;

use self::log::Log;
use self::saved::Seen;
use self::store::Store;
use self::streams::Streams;
use crate::{
    AppendError, Appended, Commit, Ledger, LedgerError, ParkedEvent, Position, ProjectionKey, Recorded,
    SavedProjection,
};

/// The ledger on DynamoDB. Cheap to make; connects with the first request.
#[derive(Debug)]
pub struct DynamoLedger {
    store: Store,
    streams: Streams,
    log: Log,
    seen: Seen,
}

impl DynamoLedger {
    /// Through the process's HTTP client, whose timeouts hold for each try of a request.
    pub fn new(settings: DynamoSettings, client: reqwest::Client) -> Result<Self, LedgerError> {
        let bucket = settings.bucket.as_ref().map(|bucket| {
            S3::new(bucket, &settings.region, settings.keys.clone(), client.clone()).map(Claims::new)
        });
        let claims = bucket.transpose()?;
        Ok(Self::over(settings, Transport::new(client), claims, Patience::default()))
    }

    /// Through any transport, with any patience: for tests of what a network does.
    pub fn over(
        settings: DynamoSettings,
        transport: impl HttpClient + 'static,
        claims: Option<Claims>,
        patience: Patience,
    ) -> Self {
        let store = Store::new(settings, transport, claims, patience);
        Self {
            streams: Streams::new(store.clone()),
            log: Log::new(store.clone()),
            store,
            seen: Seen::default(),
        }
    }

    /// Makes the connection before it is needed, with one try. Whether that works shows later.
    pub async fn warm(&self) {
        let once = Store { patience: Patience { tries: 1, ..Patience::default() }, ..self.store.clone() };
        let _ = once.get("warm", 0).await;
    }

    /// What the function `sequencer` keeps between its batches.
    pub fn sequencer(&self) -> Sequencer {
        Sequencer::new(self.store.clone(), false)
    }

    /// Looks through all commits and sequences those that the log lacks.
    pub async fn repair(&self) -> Result<Repaired, LedgerError> {
        repair::repair(&self.store).await
    }

    /// Tries the parked events of a projection again, oldest first; for the function `retry-dlq`, after what was
    /// wrong with them or with the fold is mended. `fold` folds an event into a state, or says why not.
    pub async fn retry_parked(
        &self,
        key: &ProjectionKey,
        fold: impl Fn(&[u8], &Recorded) -> Folded + Send + Sync,
    ) -> Result<Retried, LedgerError> {
        retry::retry(self, key, fold).await
    }

    /// Makes the two tables, as `infra/aws/template.yaml` does, where they are not: for tests, and for an engine on
    /// one machine. Amazon's are made by the template, with backups and alarms.
    pub async fn create_tables(&self) -> Result<(), LedgerError> {
        tables::create(&self.store).await
    }

    pub(crate) async fn unpark(
        &self,
        key: &ProjectionKey,
        position: Position,
        expected: Position,
        saved: &SavedProjection,
    ) -> Result<bool, LedgerError> {
        parked::unpark(&self.store, key, position, expected, saved, &self.seen).await
    }
}

#[async_trait]
impl Ledger for DynamoLedger {
    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        self.streams.append(commit).await
    }

    async fn read_stream(&self, stream: &Stream, from_version: u64) -> Result<Vec<Record>, LedgerError> {
        self.streams.read(stream, from_version).await
    }

    async fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, LedgerError> {
        self.log.read(after, limit).await
    }

    async fn head(&self) -> Result<Position, LedgerError> {
        self.log.head().await
    }

    async fn wait(&self, after: Position, at_most: Duration) -> Result<bool, LedgerError> {
        self.log.wait(after, at_most).await
    }

    async fn load_projection(&self, key: &ProjectionKey) -> Result<Option<SavedProjection>, LedgerError> {
        saved::load(&self.store, key, &self.seen).await
    }

    async fn save_projection(
        &self,
        key: &ProjectionKey,
        expected: Position,
        saved: SavedProjection,
    ) -> Result<bool, LedgerError> {
        saved::save(&self.store, key, expected, &saved, &self.seen).await
    }

    async fn park(&self, key: &ProjectionKey, position: Position, reason: &str) -> Result<(), LedgerError> {
        parked::park(&self.store, key, position, reason).await
    }

    async fn parked(&self, key: &ProjectionKey) -> Result<Vec<ParkedEvent>, LedgerError> {
        parked::list(&self.store, key).await
    }
}
