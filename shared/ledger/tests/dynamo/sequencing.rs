//! The sequencer: whatever the table's stream does, and wherever the sequencer dies.

use gitledger_ledger::contract::sample::{commit, stream};
use gitledger_ledger::dynamo::{
    DynamoLedger, DynamoSettings, Patience, StreamBatch, StreamReader, StreamRecord,
};
use gitledger_ledger::{Expected, Ledger};

use super::engine::{Engine, client};
use super::fate::{Fate, Network};
use super::poison;
use super::whole::{check, numbered};

/// Numbers that look random and are the same each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

async fn records(settings: &DynamoSettings) -> Vec<StreamRecord> {
    let mut reader = StreamReader::new(settings, client()).unwrap();
    let mut records = Vec::new();
    loop {
        let batch = reader.next().await.unwrap();
        if batch.records.is_empty() {
            return records;
        }
        records.extend(batch.records);
    }
}

async fn append(ledger: &DynamoLedger, writers: u128, commits: u128) -> usize {
    for number in 0..commits {
        for writer in 0..writers {
            ledger.append(numbered(writer, number)).await.unwrap();
        }
    }
    usize::try_from(writers * commits * 2).unwrap()
}

/// Records as a stream may give them: in any order between items, each as often as one of these says.
fn mangled(records: &[StreamRecord], often: [usize; 4], dice: &mut Dice) -> Vec<StreamRecord> {
    let mut mangled: Vec<StreamRecord> = Vec::new();
    for record in records {
        for _ in 0..often[dice.below(4)] {
            mangled.insert(dice.below(mangled.len() + 1), record.clone());
        }
    }
    mangled
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_shuffles_repeats_and_loses_records_makes_the_same_log() {
    let engine = Engine::start();
    for seed in 0..6 {
        let (ledger, settings) = engine.ledger().await;
        let mut dice = Dice(seed);
        let events = append(&ledger, 4, 12).await;
        let mangled = mangled(&records(&settings).await, [0, 1, 1, 3], &mut dice);
        let mut sequencer = ledger.sequencer();
        for batch in mangled.chunks(7) {
            // Now and then it starts anew.
            if dice.below(3) == 0 {
                sequencer = ledger.sequencer();
            }
            let batch = StreamBatch { records: batch.to_vec() };
            let (_, reply) = batch.sequence(&mut sequencer).await.unwrap();
            assert_eq!(reply.failures, []);
        }
        check(&ledger).await;
        // What was lost at the end of a stream only a look at the table can find.
        let repaired = ledger.repair().await.unwrap();
        assert_eq!((repaired.commits, repaired.failed.len()), (48, 0));
        assert_eq!(check(&ledger).await, events, "seed {seed}");
        assert_eq!(ledger.repair().await.unwrap().events, 0, "a second repair finds nothing");
    }
}

/// Each gets a part of the records, and every part has commits of every stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_sequencers_at_once_each_event_has_one_place() {
    let engine = Engine::start();
    let (ledger, settings) = engine.ledger().await;
    let events = append(&ledger, 6, 15).await;
    let records = records(&settings).await;
    let sequencers: Vec<_> = (0..4)
        .map(|own| {
            let mut sequencer = ledger.sequencer();
            let batches = records.chunks(5).skip(own).step_by(4);
            let mut dice = Dice(u64::try_from(own).unwrap());
            let batches: Vec<_> = batches.map(|batch| mangled(batch, [1, 1, 2, 3], &mut dice)).collect();
            tokio::spawn(async move {
                for records in batches {
                    StreamBatch { records }.sequence(&mut sequencer).await.unwrap();
                }
            })
        })
        .collect();
    for sequencer in sequencers {
        sequencer.await.unwrap();
    }
    assert_eq!(check(&ledger).await, events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sequencer_that_dies_or_hears_nothing_at_any_request_loses_and_repeats_nothing() {
    let engine = Engine::start();
    for fate in [Fate::DeathBefore, Fate::DeathAfter, Fate::Lost, Fate::Throttled] {
        for at in 0.. {
            let (ledger, settings) = engine.ledger().await;
            let events = append(&ledger, 2, 6).await;
            let records = records(&settings).await;
            let network = Network::new(move |number| if number == at { fate } else { Fate::Answered });
            let mortal = DynamoLedger::over(settings, network.clone(), None, Patience::default());
            let mut sequencer = mortal.sequencer();
            let mut batches = records.chunks(3).map(|records| StreamBatch { records: records.to_vec() });
            let mut given = batches.next();
            while let Some(batch) = &given {
                match network.until_death(Box::pin(batch.sequence(&mut sequencer))).await {
                    Some(done) => {
                        assert_eq!(done.unwrap().1.failures, []);
                        given = batches.next();
                    }
                    // The same batch comes again, to another process.
                    None => sequencer = mortal.sequencer(),
                }
            }
            assert_eq!(check(&ledger).await, events, "{fate:?} at request {at}");
            if network.requests() <= at {
                assert!(at > 5, "a sequencer that made {at} requests");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_is_digested_and_a_stream_that_slept_is_found_again() {
    let engine = Engine::start();
    let (ledger, settings) = engine.ledger().await;
    let mut sequencer = ledger.sequencer();
    let mut reader = StreamReader::new(&settings, client()).unwrap();
    let mut first = Vec::new();
    // One segment each: after 64 there is a digest.
    for number in 0..140_u128 {
        ledger.append(commit(number, stream(number), Expected::Empty)).await.unwrap();
        let batch = reader.next().await.unwrap();
        batch.sequence(&mut sequencer).await.unwrap();
        if number == 0 {
            first = batch.records;
        }
    }
    assert_eq!(check(&ledger).await, 140);
    let mut anew = ledger.sequencer();
    let (known, _) = StreamBatch { records: first }.sequence(&mut anew).await.unwrap();
    assert_eq!((known.known, known.events, known.head), (1, 0, ledger.head().await.unwrap()));

    // Days later only the newest digest is read at the start.
    poison::age_digests(&settings, [1, 65]).await;
    let mut late = ledger.sequencer();
    ledger.append(commit(1000, stream(5), Expected::Version(1))).await.unwrap();
    let (next, _) = reader.next().await.unwrap().sequence(&mut late).await.unwrap();
    assert_eq!((next.events, next.repaired), (1, 0));
    assert_eq!(check(&ledger).await, 141);
}
