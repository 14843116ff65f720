//! Appending: the expected version, conflicts, several events at once.

use std::sync::Arc;

use super::sample::{commit, commit_of, event, stream};
use super::{Verdict, ensure, same};
use crate::{AppendError, Expected, Ledger};

pub(super) async fn an_append_with_the_expected_version_happens(ledger: Arc<dyn Ledger>) -> Verdict {
    let first = ledger.append(commit(1, stream(1), Expected::Empty)).await?;
    let second = ledger.append(commit(2, stream(1), Expected::Version(1))).await?;
    let third = ledger.append(commit(3, stream(1), Expected::Any)).await?;
    let other = ledger.append(commit(4, stream(2), Expected::Version(0))).await?;
    let versions = [first, second, third, other].map(|appended| appended.version);
    same("the versions", versions, [1, 2, 3, 1])?;
    let positions = [first, second, third, other].map(|appended| appended.position);
    ensure(positions.is_sorted_by(|a, b| a < b), format!("positions do not grow: {positions:?}"))?;
    ensure(!first.repeated && !second.repeated, "a first append says that it is a repeat")?;
    same("the head", Some(ledger.head().await?), other.position)
}

pub(super) async fn a_conflict_names_the_actual_version_and_writes_nothing(
    ledger: Arc<dyn Ledger>,
) -> Verdict {
    ledger.append(commit(1, stream(1), Expected::Empty)).await?;
    ledger.append(commit(2, stream(1), Expected::Version(1))).await?;
    for expected in [Expected::Empty, Expected::Version(1), Expected::Version(3)] {
        match ledger.append(commit(3, stream(1), expected)).await {
            Err(AppendError::Conflict { actual }) => same("the actual version", actual, 2)?,
            other => ensure(false, format!("{expected:?} on a stream at 2 gave {other:?}"))?,
        }
    }
    match ledger.append(commit(4, stream(2), Expected::Version(1))).await {
        Err(AppendError::Conflict { actual }) => same("the version of an empty stream", actual, 0)?,
        other => ensure(false, format!("version 1 of an empty stream gave {other:?}"))?,
    }
    same("events in the ledger", super::reading::everything(&*ledger, 100).await?.len(), 2)?;
    let next = ledger.append(commit(3, stream(1), Expected::Version(2))).await?;
    ensure(!next.repeated, "a commit that was refused is taken for appended")
}

pub(super) async fn a_commit_of_several_events_is_appended_whole_and_in_order(
    ledger: Arc<dyn Ledger>,
) -> Verdict {
    ledger.append(commit(1, stream(1), Expected::Empty)).await?;
    let events: Vec<_> = (0..3).map(|number| event(format!("event {number}"))).collect();
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    let appended = ledger.append(commit_of(2, stream(1), Expected::Version(1), events)).await?;
    same("the version", appended.version, 4)?;
    let records = ledger.read_stream(&stream(1), 2).await?;
    same("the events", records.iter().map(|record| record.id).collect(), ids)?;
    same("their versions", records.iter().map(|record| record.version).collect(), vec![2, 3, 4])?;
    same("the head", Some(ledger.head().await?), appended.position)
}

pub(super) async fn a_commit_of_more_than_a_hundred_events_is_appended(ledger: Arc<dyn Ledger>) -> Verdict {
    let events = (0..250).map(|number| event(format!("event {number}"))).collect();
    let appended = ledger.append(commit_of(1, stream(1), Expected::Empty, events)).await?;
    same("the version", appended.version, 250)?;
    let versions: Vec<u64> =
        ledger.read_stream(&stream(1), 1).await?.iter().map(|record| record.version).collect();
    same("the versions", versions, (1..=250).collect())
}

pub(super) async fn of_many_that_expect_the_same_version_exactly_one_wins(
    ledger: Arc<dyn Ledger>,
) -> Verdict {
    for round in 0..10_u64 {
        let racers: Vec<_> = (0..8_u128)
            .map(|racer| {
                let ledger = Arc::clone(&ledger);
                let id = u128::from(round) * 100 + racer;
                let commit = commit(id, stream(1), Expected::Version(round));
                tokio::spawn(async move { ledger.append(commit).await })
            })
            .collect();
        let mut winners = 0;
        for racer in racers {
            match racer.await? {
                Ok(_) => winners += 1,
                Err(AppendError::Conflict { actual }) => same("the actual version", actual, round + 1)?,
                Err(error) => return Err(error.into()),
            }
        }
        same("winners", winners, 1)?;
    }
    same("events", ledger.read_stream(&stream(1), 1).await?.len(), 10)
}
