//! A ledger and its sequencer as one: whoever reads everything has first pumped the table's stream.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use gitledger_events::{Record, Stream};
use gitledger_ledger::dynamo::{DynamoLedger, DynamoSettings, Sequencer, StreamReader};
use gitledger_ledger::{
    AppendError, Appended, Commit, Ledger, LedgerError, ParkedEvent, Position, ProjectionKey, Recorded,
    SavedProjection,
};
use tokio::sync::Mutex;

use super::engine::client;

pub struct Sequenced {
    ledger: DynamoLedger,
    pump: Mutex<Pump>,
    placed: Mutex<Placed>,
}

/// How far the log was read, and where the events up to there are.
type Placed = (Position, HashMap<(Stream, u64), Position>);

/// The table's stream and the function behind it.
pub struct Pump {
    stream: StreamReader,
    sequencer: Sequencer,
}

impl Pump {
    pub fn new(ledger: &DynamoLedger, settings: &DynamoSettings) -> Self {
        let stream = StreamReader::new(settings, client()).unwrap();
        Self { stream, sequencer: ledger.sequencer() }
    }

    /// Sequences what is in the stream; false when there was nothing.
    pub async fn once(&mut self) -> Result<bool, LedgerError> {
        let batch = self.stream.next().await?;
        if batch.records.is_empty() {
            return Ok(false);
        }
        let (sequenced, reply) = batch.sequence(&mut self.sequencer).await?;
        assert!(reply.failures.is_empty(), "{:?}", sequenced.failed);
        Ok(true)
    }

    pub async fn drain(&mut self) -> Result<(), LedgerError> {
        while self.once().await? {}
        Ok(())
    }
}

impl Sequenced {
    pub fn new(ledger: DynamoLedger, settings: &DynamoSettings) -> Self {
        let pump = Mutex::new(Pump::new(&ledger, settings));
        Self { ledger, pump, placed: Mutex::default() }
    }

    async fn pump(&self) -> Result<(), LedgerError> {
        self.pump.lock().await.drain().await
    }

    /// Where an event is, found by reading on from where the last one was looked for.
    async fn position(&self, stream: &Stream, version: u64) -> Result<Option<Position>, LedgerError> {
        let mut placed = self.placed.lock().await;
        loop {
            let page = self.ledger.read_all(placed.0, 10_000).await?;
            let Some(last) = page.last() else { break };
            placed.0 = last.position;
            placed
                .1
                .extend(page.into_iter().map(|one| ((one.record.stream, one.record.version), one.position)));
        }
        Ok(placed.1.get(&(stream.clone(), version)).copied())
    }
}

#[async_trait]
impl Ledger for Sequenced {
    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        let stream = commit.stream.clone();
        let appended = self.ledger.append(commit).await?;
        assert_eq!(appended.position, None, "a position before it was sequenced");
        self.pump().await?;
        let position = self.position(&stream, appended.version).await?;
        assert!(position.is_some(), "{stream} {} was appended and not sequenced", appended.version);
        Ok(Appended { position, ..appended })
    }

    async fn read_stream(&self, stream: &Stream, from_version: u64) -> Result<Vec<Record>, LedgerError> {
        self.ledger.read_stream(stream, from_version).await
    }

    async fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, LedgerError> {
        self.pump().await?;
        self.ledger.read_all(after, limit).await
    }

    async fn head(&self) -> Result<Position, LedgerError> {
        self.pump().await?;
        self.ledger.head().await
    }

    async fn wait(&self, after: Position, at_most: Duration) -> Result<bool, LedgerError> {
        let began = Instant::now();
        loop {
            self.pump().await?;
            let left = at_most.saturating_sub(began.elapsed());
            let found = self.ledger.wait(after, left.min(Duration::from_millis(10))).await?;
            if found || began.elapsed() >= at_most {
                return Ok(found);
            }
        }
    }

    async fn load_projection(&self, key: &ProjectionKey) -> Result<Option<SavedProjection>, LedgerError> {
        self.ledger.load_projection(key).await
    }

    async fn save_projection(
        &self,
        key: &ProjectionKey,
        expected: Position,
        saved: SavedProjection,
    ) -> Result<bool, LedgerError> {
        self.ledger.save_projection(key, expected, saved).await
    }

    async fn park(&self, key: &ProjectionKey, position: Position, reason: &str) -> Result<(), LedgerError> {
        self.ledger.park(key, position, reason).await
    }

    async fn parked(&self, key: &ProjectionKey) -> Result<Vec<ParkedEvent>, LedgerError> {
        self.ledger.parked(key).await
    }
}
