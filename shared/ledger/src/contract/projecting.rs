//! Projections: state and position in one write, compare and set, parked events.

use std::sync::Arc;

use super::{Verdict, same};
use crate::{Ledger, ParkedEvent, Position, ProjectionKey, SavedProjection};

const KEY: ProjectionKey = ProjectionKey { name: "operations", version: 1 };

fn at(position: u64, state: &[u8]) -> SavedProjection {
    SavedProjection { position: Position::from_u64(position), state: state.to_vec() }
}

pub(super) async fn state_and_position_are_saved_together_and_loaded_again(
    ledger: Arc<dyn Ledger>,
) -> Verdict {
    same("before the first save", ledger.load_projection(&KEY).await?, None)?;
    let first = at(5, b"\0state \xFF");
    same("saved", ledger.save_projection(&KEY, Position::START, first.clone()).await?, true)?;
    same("loaded", ledger.load_projection(&KEY).await?, Some(first.clone()))?;
    let second = at(9, &vec![7; 300_000]);
    same("saved", ledger.save_projection(&KEY, first.position, second.clone()).await?, true)?;
    same("loaded", ledger.load_projection(&KEY).await?, Some(second))
}

pub(super) async fn of_two_projectors_at_the_same_position_one_saves(ledger: Arc<dyn Ledger>) -> Verdict {
    for round in 0..5 {
        let expected = Position::from_u64(round);
        let racers: Vec<_> = (0..6_u8)
            .map(|racer| {
                let ledger = Arc::clone(&ledger);
                let saved = at(round + 1, &[racer]);
                tokio::spawn(async move { (racer, ledger.save_projection(&KEY, expected, saved).await) })
            })
            .collect();
        let mut winners = Vec::new();
        for racer in racers {
            let (racer, saved) = racer.await?;
            winners.extend(saved?.then_some(racer));
        }
        same("winners", winners.len(), 1)?;
        same(
            "the state is the winner's",
            ledger.load_projection(&KEY).await?,
            Some(at(round + 1, &winners)),
        )?;
    }
    let stale = ledger.save_projection(&KEY, Position::START, at(99, b"stale")).await?;
    same("one who starts anew is told", stale, false)
}

pub(super) async fn another_version_of_a_projection_has_its_own_state(ledger: Arc<dyn Ledger>) -> Verdict {
    let next = ProjectionKey { version: 2, ..KEY };
    let other = ProjectionKey { name: "costs", ..KEY };
    ledger.save_projection(&KEY, Position::START, at(3, b"old")).await?;
    ledger.park(&KEY, Position::from_u64(3), "old").await?;
    for key in [next, other] {
        same("state", ledger.load_projection(&key).await?, None)?;
        same("parked", ledger.parked(&key).await?, Vec::new())?;
        same("saved", ledger.save_projection(&key, Position::START, at(1, b"new")).await?, true)?;
    }
    same("the first one", ledger.load_projection(&KEY).await?, Some(at(3, b"old")))
}

pub(super) async fn a_parked_event_is_listed_once_and_in_order(ledger: Arc<dyn Ledger>) -> Verdict {
    let parked = |position, reason: &str| ParkedEvent {
        position: Position::from_u64(position),
        reason: reason.to_owned(),
    };
    same("before", ledger.parked(&KEY).await?, Vec::new())?;
    for (position, reason) in [(12, "unknown type"), (5, "bad data"), (12, "unknown type")] {
        ledger.park(&KEY, Position::from_u64(position), reason).await?;
    }
    same("parked", ledger.parked(&KEY).await?, vec![parked(5, "bad data"), parked(12, "unknown type")])
}
