//! cqrs-es with its SQLite store: the events of one of our ledgers are put into its table, and replayed into a fold.
//! Prints events per second: by the wall or by processor time, whichever says more for it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use async_trait::async_trait;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::QueryReplay;
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, Query};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlite_es::SqliteEventRepository;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Pool, Row, Sqlite};

const ROUNDS: usize = 3;
const TABLE: &str = "CREATE TABLE events (aggregate_type text NOT NULL, aggregate_id text NOT NULL,
  sequence integer CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL, event_version text NOT NULL,
  payload text NOT NULL, metadata text NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence)) STRICT";

/// The fields that the fold wants; the rest of the JSON is passed over, as in our own replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Fact {
    OperationRequested {},
    OperationSucceeded { duration_ms: f64, git_ms: f64, sandbox_wait_ms: f64 },
    SandboxCreated { vcpu: u32, memory_mb: u32, creation_ms: f64, expires_at: String },
    SandboxLeased { epoch: u64, until: String, reuse: String },
    SandboxReleased { epoch: u64 },
    SandboxKilled {},
}

impl DomainEvent for Fact {
    fn event_type(&self) -> String {
        String::new()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

#[derive(Debug)]
struct Never;

impl std::fmt::Display for Never {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("never")
    }
}

impl std::error::Error for Never {}

#[derive(Default, Serialize, Deserialize)]
struct Thing;

impl Aggregate for Thing {
    const TYPE: &'static str = "thing";
    type Command = ();
    type Event = Fact;
    type Error = Never;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> Result<(), Never> {
        Ok(())
    }

    fn apply(&mut self, _: Fact) {}
}

/// What the events add up to: less than our own replay counts.
#[derive(Default)]
struct Fold {
    events: u64,
    operations: HashMap<String, (u64, f64)>,
    agents: HashMap<String, u64>,
    reuse: HashMap<String, u64>,
    creation_ms: f64,
}

#[derive(Clone, Default)]
struct Folding(std::sync::Arc<Mutex<Fold>>);

#[async_trait]
impl Query<Thing> for Folding {
    async fn dispatch(&self, _: &str, events: &[EventEnvelope<Thing>]) {
        let mut fold = self.0.lock().expect("one thread");
        for event in events {
            fold.events += 1;
            match &event.payload {
                Fact::OperationSucceeded { duration_ms, .. } => {
                    let name = event.metadata.get("operation").map_or("", String::as_str);
                    let row = fold.operations.entry(name.to_owned()).or_default();
                    *row = (row.0 + 1, row.1 + duration_ms);
                    let agent = event.metadata.get("agent").map_or("", String::as_str);
                    *fold.agents.entry(agent.to_owned()).or_default() += 1;
                }
                Fact::SandboxLeased { reuse, .. } => *fold.reuse.entry(reuse.clone()).or_default() += 1,
                Fact::SandboxCreated { creation_ms, .. } => fold.creation_ms += creation_ms,
                _ => {}
            }
        }
    }
}

#[tokio::main]
async fn main() {
    let ledger = std::env::args().nth(1).expect("a ledger's file");
    let own = format!("{ledger}.cqrs-es");
    let count = fill(&ledger, &own).await;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let folding = Folding::default();
        let repository = SqliteEventRepository::new(open(&own, false).await);
        let replay = QueryReplay::new(repository, folding.clone());
        let (wall, cpu) = (Instant::now(), cpu_s());
        replay.replay_all().await.expect("replayed");
        let seconds = wall.elapsed().as_secs_f64().min(cpu_s() - cpu);
        assert_eq!(folding.0.lock().expect("one thread").events, count);
        rates.push(count as f64 / seconds);
    }
    rates.sort_by(f64::total_cmp);
    println!("{:.0}", rates[ROUNDS / 2]);
    std::fs::remove_file(own).expect("removed");
}

async fn open(file: &str, create: bool) -> Pool<Sqlite> {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(create);
    SqlitePoolOptions::new().max_connections(1).connect_with(options).await.expect("a database")
}

async fn fill(ledger: &str, own: &str) -> u64 {
    let (from, to) = (open(ledger, false).await, open(own, true).await);
    sqlx::query(TABLE).execute(&to).await.expect("a table");
    let rows = sqlx::query("SELECT stream, seq, type, ts, meta, data FROM events ORDER BY pos").fetch_all(&from);
    let rows = rows.await.expect("rows");
    let mut all = to.begin().await.expect("a transaction");
    for row in &rows {
        let text = |name: &str| row.get::<String, _>(name);
        let data: Value = serde_json::from_str(&text("data")).expect("JSON");
        let meta: Value = serde_json::from_str(&text("meta")).expect("JSON");
        let word = |pointer: &str| meta.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let metadata = json!({"operation": word("/operation"), "agent": word("/actor/agent_id"),
            "repo": word("/repo"), "at": row.get::<i64, _>("ts").to_string()});
        sqlx::query("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)")
            .bind(Thing::TYPE)
            .bind(text("stream"))
            .bind(row.get::<i64, _>("seq"))
            .bind(text("type"))
            .bind("1")
            .bind(json!({text("type"): data}).to_string())
            .bind(metadata.to_string())
            .execute(&mut *all)
            .await
            .expect("inserted");
    }
    all.commit().await.expect("committed");
    rows.len() as u64
}

/// Processor time of this process.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}
