//! One operation's story, put together from its own stream and its sandbox's.

use gitledger_events::{Record, Stream};
use gitledger_ledger::LedgerError;
use gitledger_projections::cost::Prices;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::Index;
use super::shapes::{Story, StoryEvent};

impl Index {
    /// The story of an operation; `None` when there is none of this id.
    pub async fn story(
        &self,
        id: Uuid,
        prices: &Prices,
        now: Timestamp,
    ) -> Result<Option<Story>, LedgerError> {
        let (operation, cost_nano) = {
            let followed = self.caught_up().await?;
            let Some(row) = followed.timeline.row(id) else { return Ok(None) };
            (followed.timeline.listed(row), followed.timeline.cost_of(id, prices, now))
        };
        let mut records = self.ledger.read_stream(&Stream::operation(id), 1).await?;
        if let Ok(sandbox) = Stream::sandbox(&operation.sandbox_id) {
            let all = self.ledger.read_stream(&sandbox, 1).await?;
            records.extend(all.into_iter().filter(|record| record.correlation_id == id));
        }
        // Within a stream the order is the ledger's; the sort keeps it where instants are the same.
        records.sort_by_key(|record| record.recorded_at);
        Ok(Some(Story { operation, cost_nano, events: records.iter().map(StoryEvent::from).collect() }))
    }
}

impl From<&Record> for StoryEvent {
    fn from(record: &Record) -> Self {
        Self {
            at: record.recorded_at,
            name: record.name.clone(),
            stream: record.stream.to_string(),
            data: serde_json::from_str(record.data.get()).unwrap_or(Value::Null),
        }
    }
}
