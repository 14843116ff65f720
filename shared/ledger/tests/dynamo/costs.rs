//! What an operation and a replay cost, in units, by what goes over the wire.

#![allow(clippy::cast_precision_loss)] // small numbers, for a table

use gitledger_events::{Event, NewEvent, Record, Stream};
use gitledger_ledger::dynamo::{DynamoLedger, Patience, StreamReader};
use gitledger_ledger::{Commit, Expected, Ledger, Position};
use uuid::Uuid;

use super::engine::{Engine, client};
use super::meter::Metered;

/// An event as it is checked in, with ids and digests of its own: those are what cannot be squeezed.
fn golden(name: &str, operation: Uuid) -> NewEvent {
    let file = format!("{}/../../events/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    let [a, b] = [Uuid::now_v7(), Uuid::now_v7()].map(|id| id.simple().to_string());
    let text = text
        .replace("019ac0f2-6a3b-7c44-9d21-3f5b8a7e6c10", &operation.to_string())
        .replace("3b1f0c9a5d7e2486f1a0b3c4d5e6f7089a1b2c3d4e5f60718293a4b5c6d7e8f9", &format!("{a}{b}"));
    let record: Record = serde_json::from_str(&text).unwrap();
    let event: Event = record.decode().unwrap();
    NewEvent { id: Uuid::now_v7(), ..event.event }
}

/// What an operation appends, commit by commit: on its own stream or on its sandbox's.
type Appends = [(bool, &'static [&'static str])];

/// An operation that changes a workspace.
const WRITES: &Appends = &[
    (true, &["OperationRequested.v1"]),
    (false, &["SandboxLeased.v1"]),
    (true, &["OperationSucceeded.v1"]),
    (false, &["SandboxReleased.v1"]),
];
/// One that also sends something to a remote, which must be known before it is done.
const PUBLISHES: &Appends = &[
    (true, &["OperationRequested.v1"]),
    (false, &["SandboxLeased.v1"]),
    (true, &["PushPrepared.v2"]),
    (true, &["PushAttempted.v1", "OperationSucceeded.v1"]),
    (false, &["SandboxReleased.v1"]),
];

async fn operate(ledger: &DynamoLedger, appends: &Appends, sandbox: &mut (Stream, u64)) -> usize {
    let id = Uuid::now_v7();
    let mut operation = (Stream::operation(id), 0);
    let mut events = 0;
    for (own, names) in appends {
        let (stream, at) = if *own { &mut operation } else { &mut *sandbox };
        let expected = if *at == 0 { Expected::Empty } else { Expected::Version(*at) };
        let facts: Vec<_> = names.iter().map(|name| golden(name, id)).collect();
        events += facts.len();
        let commit = Commit { id: Uuid::now_v7(), stream: stream.clone(), expected, events: facts };
        *at = ledger.append(commit).await.unwrap().version;
    }
    events
}

/// Write units per operation to append and to sequence, and read units per event to read all of it again.
async fn measured(engine: &Engine, appends: &Appends, operations: usize, per_batch: usize) -> [f64; 3] {
    let (plain, settings) = engine.ledger().await;
    let meter = Metered::new();
    let ledger = DynamoLedger::over(settings.clone(), meter.clone(), None, Patience::default());
    let mut sequencer = ledger.sequencer();
    let mut reader = StreamReader::new(&settings, client()).unwrap();
    let (mut appending, mut sequencing, mut events) = (0, 0, 0);
    let mut sandbox = (Stream::sandbox("i7k2m9x4q1w8e5r3t6y0").unwrap(), 0);
    for number in 1..=operations {
        events += operate(&ledger, appends, &mut sandbox).await;
        appending += meter.take().written;
        if number % per_batch == 0 {
            let batch = reader.next().await.unwrap();
            batch.sequence(&mut sequencer).await.unwrap();
            sequencing += meter.take().written;
        }
    }
    let replay = DynamoLedger::over(settings, meter.clone(), None, Patience::default());
    let mut replayed = 0;
    loop {
        let page = replay.read_all(Position::from_u64(replayed), 5000).await.unwrap();
        let Some(end) = page.last() else { break };
        replayed = end.position.as_u64();
    }
    assert_eq!(plain.head().await.unwrap(), Position::from_u64(replayed));
    assert_eq!(replayed, events as u64);
    let operations = operations as f64;
    let read = meter.take().read_halves as f64 / 2.0;
    [appending as f64 / operations, sequencing as f64 / operations, read / events as f64]
}

#[tokio::test]
async fn an_operation_that_writes_costs_at_most_five_write_units_and_a_replayed_event_a_fiftieth_of_a_read_unit()
 {
    let engine = Engine::start();
    println!(
        "operation | per batch | write units to append, to sequence, in all | read units per replayed event"
    );
    for (name, appends, operations, per_batch) in [
        ("writes", WRITES, 40, 1),
        ("writes", WRITES, 40, 10),
        ("writes", WRITES, 100, 100),
        ("publishes", PUBLISHES, 40, 10),
    ] {
        let [append, sequence, read] = measured(&engine, appends, operations, per_batch).await;
        let all = append + sequence;
        println!("{name:>9} | {per_batch:>9} | {append:>21.2} {sequence:>12.2} {all:>7.2} | {read:>10.4}");
        if name == "writes" {
            assert!(all <= 5.0, "{all} write units");
        }
        // With one operation a second and less, each is a segment of its own.
        if per_batch > 1 {
            assert!(read <= 0.02, "{read} read units");
        }
    }
}
