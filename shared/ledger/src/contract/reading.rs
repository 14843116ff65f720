//! Reading: one stream, everything, while others write.

use std::sync::Arc;
use std::time::Duration;

use gitledger_events::{Actor, Event, NewEvent, Repo};
use jiff::Timestamp;
use uuid::Uuid;

use super::sample::{commit, commit_of, event, stream};
use super::{Broken, Verdict, ensure, same};
use crate::{Expected, Ledger, LedgerError, Position, Recorded};

/// Reads from the start to the end in pages.
pub(super) async fn everything(ledger: &dyn Ledger, page: usize) -> Result<Vec<Recorded>, LedgerError> {
    let mut all: Vec<Recorded> = Vec::new();
    loop {
        let after = all.last().map_or(Position::START, |last| last.position);
        let next = ledger.read_all(after, page).await?;
        if next.is_empty() {
            return Ok(all);
        }
        all.extend(next);
    }
}

pub(super) async fn a_stream_is_read_from_any_version(ledger: Arc<dyn Ledger>) -> Verdict {
    for id in 0..5 {
        ledger.append(commit(id, stream(1), Expected::Any)).await?;
        ledger.append(commit(id, stream(2), Expected::Any)).await?;
    }
    for (from, versions) in [(0, vec![1, 2, 3, 4, 5]), (1, vec![1, 2, 3, 4, 5]), (4, vec![4, 5]), (6, vec![])]
    {
        let records = ledger.read_stream(&stream(1), from).await?;
        ensure(records.iter().all(|record| record.stream == stream(1)), "events of another stream")?;
        same("the versions", records.iter().map(|record| record.version).collect(), versions)?;
    }
    same("events of a stream that is not", ledger.read_stream(&stream(3), 1).await?.len(), 0)
}

pub(super) async fn every_field_of_an_event_comes_back_as_it_was(ledger: Arc<dyn Ledger>) -> Verdict {
    let full = NewEvent {
        recorded_at: Timestamp::from_microsecond(1_795_000_000_123_456).unwrap_or_default(),
        operation: Some("commit".to_owned()),
        actor: Actor::new("agent-7", "task-1"),
        repo: Some(Repo::from_parts("github.com", "acme/app")),
        correlation_id: Uuid::from_u128(77),
        causation_id: Some(Uuid::from_u128(78)),
        ..event("everything")
    };
    let before_1970 = Timestamp::from_microsecond(-1).unwrap_or_default();
    let bare = NewEvent { recorded_at: before_1970, ..event("nothing") };
    ledger.append(commit_of(1, stream(1), Expected::Empty, vec![full.clone(), bare.clone()])).await?;
    let unreadable = |error: gitledger_events::DecodeError| Broken(error.to_string());
    for (version, event) in (1_u64..).zip([full, bare]) {
        let should_be = Event { stream: stream(1), version, event };
        let of_stream = ledger.read_stream(&stream(1), version).await?.into_iter().next();
        let of_all = ledger.read_all(Position::START, 10).await?.into_iter().nth(usize::from(version == 2));
        for record in [of_stream, of_all.map(|recorded| recorded.record)] {
            let event = record.map(gitledger_events::Record::decode).transpose().map_err(unreadable)?;
            same("the event", event.as_ref(), Some(&should_be))?;
        }
    }
    Ok(())
}

pub(super) async fn text_of_any_kind_survives(ledger: Arc<dyn Ledger>) -> Verdict {
    let texts = [
        "",
        "a\0b",
        "\u{1F980} \u{65E5}\u{672C} e\u{301}",
        "\"\\/'%_;--\r\n\t",
        "\u{FFFF}\u{10FFFF}\u{7F}\u{1}",
    ];
    let events: Vec<_> = texts
        .iter()
        .map(|text| NewEvent {
            operation: Some((*text).to_owned()),
            actor: Actor::new(*text, *text),
            ..event(*text)
        })
        .collect();
    ledger.append(commit_of(1, stream(1), Expected::Empty, events.clone())).await?;
    let records = ledger.read_stream(&stream(1), 1).await?;
    same("events", records.len(), texts.len())?;
    for (record, event) in records.into_iter().zip(events) {
        let back = record.decode().map_err(|error| Broken(error.to_string()))?;
        same("the event", back.event, event)?;
    }
    Ok(())
}

/// Letters without a pattern, so that no engine can squeeze them to much less.
fn noise(seed: u128, length: usize) -> String {
    let mut state = u64::try_from(seed).unwrap_or(0) + 1;
    let letters = std::iter::repeat_with(|| {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'A' + u8::try_from(state >> 40 & 31).unwrap_or(0))
    });
    letters.take(length).collect()
}

pub(super) async fn a_stream_over_a_megabyte_is_read_completely(ledger: Arc<dyn Ledger>) -> Verdict {
    // DynamoDB ends a page at 1 MB; an engine that forgets the next page fails here.
    for id in 0..12_u128 {
        let large = event(noise(id, 200_000));
        ledger.append(commit_of(id, stream(1), Expected::Any, vec![large, event("small")])).await?;
    }
    let records = ledger.read_stream(&stream(1), 1).await?;
    same("versions", records.iter().map(|record| record.version).collect(), (1..=24).collect::<Vec<_>>())?;
    same("events in all", everything(&*ledger, 1000).await?.len(), 24)
}

pub(super) async fn everything_is_read_in_order_page_by_page(ledger: Arc<dyn Ledger>) -> Verdict {
    let mut ids = Vec::new();
    for id in 0..30 {
        let events = vec![event("a"), event("b")];
        ids.extend(events.iter().map(|event| event.id));
        ledger.append(commit_of(id, stream(id % 4), Expected::Any, events)).await?;
    }
    for page in [1, 7, 60, 1000] {
        let all = everything(&*ledger, page).await?;
        ensure(all.is_sorted_by(|a, b| a.position < b.position), "positions do not grow")?;
        same("the events", all.iter().map(|recorded| recorded.record.id).collect(), ids.clone())?;
    }
    same("events in a page of 7", ledger.read_all(Position::START, 7).await?.len() <= 7, true)
}

pub(super) async fn whoever_folds_reads_the_same_events_decoded(ledger: Arc<dyn Ledger>) -> Verdict {
    for id in 0..150 {
        ledger.append(commit_of(id, stream(id % 4), Expected::Any, vec![event("a"), event("b")])).await?;
    }
    let all = everything(&*ledger, 1000).await?;
    for limit in [1, 7, 1000] {
        let mut left = all.iter();
        let mut after = Position::START;
        loop {
            let page = ledger.read_events(after, limit).await?;
            ensure(page.len() <= limit, "more events than asked for")?;
            let Some(last) = page.last() else { break };
            after = last.position;
            for next in page {
                let recorded = left.next().ok_or_else(|| Broken("an event too many".to_owned()))?;
                let decoded = recorded.record.clone().decode().map_err(|error| error.to_string());
                same("the place", next.position, recorded.position)?;
                same("the event", next.event, decoded)?;
            }
        }
        same("events that are missing", left.count(), 0)?;
    }
    Ok(())
}

/// Prefix visibility: whatever a reader has seen, nothing ever appears before it.
pub(super) async fn readers_see_no_gap_while_many_write(ledger: Arc<dyn Ledger>) -> Verdict {
    const WRITERS: u128 = 8;
    const COMMITS: u128 = 25;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move {
                for number in 0..COMMITS {
                    let events = vec![event("a"), event("b")];
                    let commit = commit_of(number, stream(writer), Expected::Any, events);
                    ledger.append(commit).await?;
                }
                Ok::<_, Broken>(())
            })
        })
        .collect();
    let total = usize::try_from(WRITERS * COMMITS * 2).unwrap_or(0);
    let mut live: Vec<Recorded> = Vec::new();
    while live.len() < total {
        let after = live.last().map_or(Position::START, |last| last.position);
        ensure(ledger.wait(after, Duration::from_secs(30)).await?, "nothing comes any more")?;
        live.extend(ledger.read_all(after, 13).await?);
    }
    for writer in writers {
        writer.await??;
    }
    let order = |all: &[Recorded]| all.iter().map(|one| (one.position, one.record.id)).collect::<Vec<_>>();
    ensure(order(&live) == order(&everything(&*ledger, 1000).await?), "a live reader missed events")?;
    for writer in 0..WRITERS {
        let of_writer = live.iter().filter(|one| one.record.stream == stream(writer));
        let versions: Vec<_> = of_writer.map(|one| one.record.version).collect();
        same("versions of one stream", versions, (1..=u64::try_from(COMMITS * 2).unwrap_or(0)).collect())?;
    }
    Ok(())
}
