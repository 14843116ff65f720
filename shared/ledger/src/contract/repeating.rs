//! Repeating: a commit id is appended once in its stream, however often it is asked for.

use std::sync::Arc;

use super::sample::{commit, commit_of, event, stream};
use super::{Verdict, ensure, same};
use crate::{AppendError, Appended, Expected, Ledger};

/// What a repeat of an append must return.
fn again(first: Appended) -> Appended {
    Appended { repeated: true, ..first }
}

pub(super) async fn a_repeated_commit_returns_the_first_result_also_after_later_ones(
    ledger: Arc<dyn Ledger>,
) -> Verdict {
    let opening = commit(1, stream(1), Expected::Empty);
    let events = vec![event("two"), event("three")];
    let pair = commit_of(2, stream(1), Expected::Version(1), events);
    let blind = commit(3, stream(1), Expected::Any);
    let mut first = Vec::new();
    for commit in [&opening, &pair, &blind] {
        first.push(ledger.append(commit.clone()).await?);
        same(
            "an immediate repeat",
            Some(ledger.append(commit.clone()).await?),
            first.last().copied().map(again),
        )?;
    }
    ledger.append(commit(4, stream(1), Expected::Version(4))).await?;
    for (commit, first) in [&opening, &pair, &blind].into_iter().zip(first) {
        same("a late repeat", ledger.append(commit.clone()).await?, again(first))?;
    }
    same("events", ledger.read_stream(&stream(1), 1).await?.len(), 5)
}

pub(super) async fn a_repeat_is_found_far_back_in_a_long_stream(ledger: Arc<dyn Ledger>) -> Verdict {
    let mut results = Vec::new();
    // Pairs, so that one of them lies across any boundary that an engine may have.
    for id in 0..40 {
        let events = vec![event("a"), event("b")];
        results.push(ledger.append(commit_of(id, stream(1), Expected::Any, events)).await?);
        let single = commit(1000 + id, stream(1), Expected::Version(3 * u64::try_from(id).unwrap_or(0) + 2));
        results.push(ledger.append(single).await?);
    }
    for id in 0..40 {
        let events = vec![event("a"), event("b")];
        let pair = ledger.append(commit_of(id, stream(1), Expected::Any, events)).await?;
        let single = ledger.append(commit(1000 + id, stream(1), Expected::Version(2))).await?;
        let first = results.drain(..2).map(again).collect::<Vec<_>>();
        same("repeats", vec![pair, single], first)?;
    }
    same("events", ledger.read_stream(&stream(1), 1).await?.len(), 120)
}

pub(super) async fn a_commit_repeated_at_the_same_time_is_appended_once(ledger: Arc<dyn Ledger>) -> Verdict {
    for round in 0..10_u128 {
        let expected = if round % 2 == 0 { Expected::Any } else { Expected::Empty };
        let tries: Vec<_> = (0..8)
            .map(|_| {
                let ledger = Arc::clone(&ledger);
                let commit = commit(7, stream(round), expected);
                tokio::spawn(async move { ledger.append(commit).await })
            })
            .collect();
        let mut results = Vec::new();
        for attempt in tries {
            results.push(attempt.await??);
        }
        same("first ones", results.iter().filter(|appended| !appended.repeated).count(), 1)?;
        let position = results.first().map(|appended| appended.position);
        ensure(results.iter().all(|other| Some(other.position) == position), format!("{results:?}"))?;
        same("events", ledger.read_stream(&stream(round), 1).await?.len(), 1)?;
    }
    Ok(())
}

pub(super) async fn the_same_commit_id_in_another_stream_is_another_commit(
    ledger: Arc<dyn Ledger>,
) -> Verdict {
    let here = ledger.append(commit(1, stream(1), Expected::Empty)).await?;
    let there = ledger.append(commit(1, stream(2), Expected::Empty)).await?;
    ensure(!there.repeated && there.position > here.position, format!("{there:?} after {here:?}"))?;
    match ledger.append(commit(2, stream(2), Expected::Empty)).await {
        Err(AppendError::Conflict { actual: 1 }) => Ok(()),
        other => ensure(false, format!("another commit on a stream at 1 gave {other:?}")),
    }
}
