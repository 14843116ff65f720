//! Limits: what is refused, and that a refusal writes nothing.

use std::sync::Arc;

use gitledger_events::NewEvent;

use super::sample::{commit, commit_of, event, stream};
use super::{Broken, Verdict, ensure, same};
use crate::append::{COMMIT_BYTES_MAX, COMMIT_EVENTS_MAX, EVENT_BYTES_MAX};
use crate::{AppendError, Expected, Ledger, Position};

/// An event whose data has exactly so many bytes of JSON.
fn event_of(bytes: usize) -> Result<NewEvent, Broken> {
    let json = |event: &NewEvent| event.fact.to_json().map_err(|error| Broken(error.to_string()));
    let envelope = json(&event(""))?.get().len();
    let sized = event("x".repeat(bytes - envelope));
    same("bytes of the sample", json(&sized)?.get().len(), bytes)?;
    Ok(sized)
}

async fn untouched(ledger: &dyn Ledger) -> Verdict {
    same("the head", ledger.head().await?, Position::START)?;
    same("events", ledger.read_all(Position::START, 10).await?.len(), 0)?;
    let appended = ledger.append(commit(1, stream(1), Expected::Empty)).await?;
    ensure(!appended.repeated, "the refused commit is taken for appended")
}

pub(super) async fn a_commit_without_events_is_refused(ledger: Arc<dyn Ledger>) -> Verdict {
    match ledger.append(commit_of(1, stream(1), Expected::Empty, Vec::new())).await {
        Err(AppendError::Count { count: 0, .. }) => untouched(&*ledger).await,
        other => ensure(false, format!("{other:?}")),
    }
}

pub(super) async fn a_commit_with_too_many_events_is_refused(ledger: Arc<dyn Ledger>) -> Verdict {
    let events = (0..=COMMIT_EVENTS_MAX).map(|_| event("")).collect();
    match ledger.append(commit_of(1, stream(1), Expected::Empty, events)).await {
        Err(AppendError::Count { count, max }) => {
            same("the numbers", (count, max), (COMMIT_EVENTS_MAX + 1, COMMIT_EVENTS_MAX))?;
            untouched(&*ledger).await
        }
        other => ensure(false, format!("{other:?}")),
    }
}

pub(super) async fn an_oversized_event_is_refused_and_nothing_is_written(ledger: Arc<dyn Ledger>) -> Verdict {
    // The first event is fine: it must not be written either.
    let events = vec![event("small"), event_of(EVENT_BYTES_MAX + 1)?];
    match ledger.append(commit_of(1, stream(1), Expected::Empty, events)).await {
        Err(AppendError::TooLarge { bytes, max, .. }) => {
            same("the numbers", (bytes, max), (EVENT_BYTES_MAX + 1, EVENT_BYTES_MAX))?;
            untouched(&*ledger).await
        }
        other => ensure(false, format!("{other:?}")),
    }
}

pub(super) async fn an_oversized_commit_is_refused_and_nothing_is_written(
    ledger: Arc<dyn Ledger>,
) -> Verdict {
    let events = vec![event_of(COMMIT_BYTES_MAX / 2)?, event_of(COMMIT_BYTES_MAX / 2)?, event("one more")];
    match ledger.append(commit_of(1, stream(1), Expected::Empty, events)).await {
        Err(AppendError::TooLarge { max, .. }) => {
            same("the limit", max, COMMIT_BYTES_MAX)?;
            untouched(&*ledger).await
        }
        other => ensure(false, format!("{other:?}")),
    }
}

pub(super) async fn the_largest_allowed_event_is_kept(ledger: Arc<dyn Ledger>) -> Verdict {
    let largest = event_of(EVENT_BYTES_MAX)?;
    let fact = largest.fact.clone();
    ledger.append(commit_of(1, stream(1), Expected::Empty, vec![largest])).await?;
    let records = ledger.read_stream(&stream(1), 1).await?;
    let back = records.first().and_then(|record| record.fact().ok());
    ensure(back == Some(fact), "it came back changed")
}
