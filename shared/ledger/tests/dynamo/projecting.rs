//! Projectors: dying at any request, two at once, poison, and what is tried again.

use gitledger_ledger::contract::sample::{commit_of, event, stream};
use gitledger_ledger::dynamo::{DynamoLedger, DynamoSettings, Folded, Patience};
use gitledger_ledger::{Expected, Ledger, LedgerError, Position, ProjectionKey, Recorded, SavedProjection};

use super::engine::{Engine, client};
use super::fate::{Fate, Network};
use super::poison;
use super::sequenced::Pump;
use super::whole::everything;

const KEY: ProjectionKey = ProjectionKey { name: "counter", version: 1 };

async fn filled(engine: &Engine, commits: u128, each: usize) -> (DynamoLedger, DynamoSettings) {
    let (ledger, settings) = engine.ledger().await;
    for number in 0..commits {
        let events = (0..each).map(|_| event("")).collect();
        ledger.append(commit_of(number, stream(number % 5), Expected::Any, events)).await.unwrap();
    }
    Pump::new(&ledger, &settings).drain().await.unwrap();
    (ledger, settings)
}

/// The state is a number: how many events were folded. An event that is none is parked.
async fn project(ledger: &DynamoLedger, chunk: usize) -> Result<bool, LedgerError> {
    let saved = ledger.load_projection(&KEY).await?;
    let (position, mut count) = match saved {
        Some(saved) => (saved.position, counted(&saved.state)),
        None => (Position::START, 0),
    };
    let events = ledger.read_all(position, chunk).await?;
    let Some(last) = events.last().map(|last| last.position) else { return Ok(false) };
    for one in events {
        match one.record.fact() {
            Ok(_) => count += 1,
            Err(error) => ledger.park(&KEY, one.position, &error.to_string()).await?,
        }
    }
    let next = SavedProjection { position: last, state: count.to_string().into_bytes() };
    ledger.save_projection(&KEY, position, next).await?;
    Ok(true)
}

fn counted(state: &[u8]) -> u64 {
    String::from_utf8_lossy(state).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_projectors_of_which_one_dies_at_any_request_count_every_event_once() {
    let engine = Engine::start();
    let mut at = 0;
    for version in 1_u64.. {
        let death = if version % 2 == 0 { Fate::DeathBefore } else { Fate::DeathAfter };
        at += version % 2;
        let (_, fresh) = filled(&engine, 20, 2).await;
        let network = Network::new(move |number| if number == at { death } else { Fate::Answered });
        let mortal = DynamoLedger::over(fresh.clone(), network.clone(), None, Patience::default());
        let other = DynamoLedger::new(fresh, client()).unwrap();
        let rival = async { while project(&other, 3).await.unwrap() {} };
        let (died, ()) =
            tokio::join!(network.until_death(async { while project(&mortal, 7).await.unwrap() {} }), rival,);
        let saved = other.load_projection(&KEY).await.unwrap().unwrap();
        assert_eq!(
            (saved.position, counted(&saved.state)),
            (Position::from_u64(40), 40),
            "{death:?} at {at}"
        );
        if died.is_some() {
            assert!(at > 3, "a projector that made {at} requests");
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_poisoned_events_among_ten_thousand_stop_nothing_and_are_folded_when_mended() {
    let engine = Engine::start();
    let (ledger, settings) = engine.ledger().await;
    for number in 0..100 {
        poison::append(&settings, number, 100).await;
    }
    Pump::new(&ledger, &settings).drain().await.unwrap();
    assert_eq!(everything(&ledger).await.len(), 10_000);
    while project(&ledger, 1000).await.unwrap() {}
    let saved = ledger.load_projection(&KEY).await.unwrap().unwrap();
    assert_eq!((saved.position, counted(&saved.state)), (Position::from_u64(10_000), 9_900));
    let parked = ledger.parked(&KEY).await.unwrap();
    assert_eq!(parked.len(), 100);
    assert!(parked.iter().all(|event| event.reason.contains(poison::TYPE)), "{:?}", parked.first());

    // All but the last are mended, while a projector that knows nothing of it goes on.
    let late = DynamoLedger::new(settings.clone(), client()).unwrap();
    let before = late.load_projection(&KEY).await.unwrap().unwrap();
    let last = parked.last().unwrap().position;
    let fold = |state: &[u8], event: &Recorded| {
        if event.position == last {
            return Folded::Not("still unknown".to_owned());
        }
        Folded::Into((counted(state) + 1).to_string().into_bytes())
    };
    let retried = ledger.retry_parked(&KEY, fold).await.unwrap();
    assert_eq!((retried.folded, retried.left), (99, vec![(last, "still unknown".to_owned())]));
    assert!(
        !late.save_projection(&KEY, before.position, before.clone()).await.unwrap(),
        "an older state won"
    );
    let saved = ledger.load_projection(&KEY).await.unwrap().unwrap();
    assert_eq!((saved.position, counted(&saved.state)), (Position::from_u64(10_000), 9_999));
    assert_eq!(ledger.parked(&KEY).await.unwrap().len(), 1);
    let again = ledger.retry_parked(&KEY, fold).await.unwrap();
    assert_eq!((again.folded, again.left.len()), (0, 1), "a second try folds nothing twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_commit_fails_alone_and_is_taken_when_it_is_mended() {
    let engine = Engine::start();
    let (ledger, settings) = engine.ledger().await;
    let damaged = poison::append_damaged(&settings, 1).await;
    ledger.append(commit_of(2, stream(2), Expected::Empty, vec![event("")])).await.unwrap();
    ledger.append(commit_of(3, stream(1), Expected::Version(1), vec![event("")])).await.unwrap();
    let mut reader = gitledger_ledger::dynamo::StreamReader::new(&settings, client()).unwrap();
    let batch = reader.next().await.unwrap();
    let (sequenced, reply) = batch.sequence(&mut ledger.sequencer()).await.unwrap();
    assert_eq!(sequenced.events, 1, "the other stream's");
    let failed: Vec<_> = reply.failures.iter().map(|failure| failure.sequence_number.clone()).collect();
    let records = [0, 2].map(|place| batch.records[place].dynamodb.sequence_number.clone());
    assert_eq!(failed, records, "the damaged one and the one behind it");
    assert_eq!(ledger.repair().await.unwrap().failed.len(), 2);
    poison::mend(&settings, damaged).await;
    let repaired = ledger.repair().await.unwrap();
    assert_eq!((repaired.events, repaired.failed), (2, Vec::new()));
    assert_eq!(super::whole::check(&ledger).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_envelope_is_told_at_its_place_and_hides_no_other_event() {
    let engine = Engine::start();
    let (ledger, settings) = engine.ledger().await;
    poison::append_broken(&settings, 1).await;
    Pump::new(&ledger, &settings).drain().await.unwrap();
    poison::append_broken(&settings, 2).await;
    Pump::new(&ledger, &settings).drain().await.unwrap();
    let mut after = 0;
    let mut found = Vec::new();
    loop {
        match ledger.read_all(Position::from_u64(after), 1000).await {
            Ok(page) if page.is_empty() => break,
            Ok(page) => {
                found.extend(page.iter().map(|one| one.position.as_u64().cast_signed()));
                after = page.last().unwrap().position.as_u64();
            }
            Err(LedgerError::Unreadable { position, .. }) => {
                found.push(-position.cast_signed());
                after = position;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(found, [1, -2, 3, -4, 5, -6, 7, -8]);
}
