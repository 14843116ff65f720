//! Parked events, tried again. Each is folded exactly once: the state and the list change together.

use super::DynamoLedger;
use crate::{Ledger, LedgerError, Position, ProjectionKey, Recorded, SavedProjection};

/// So often a state is folded into again because a projector has saved a newer one.
const RACES_MAX: usize = 20;

/// What became of an event that was tried.
pub enum Folded {
    /// The state with the event in it.
    Into(Vec<u8>),
    /// It still cannot be folded, and why.
    Not(String),
}

/// What came of trying.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Events that are folded in now.
    pub folded: u64,
    /// Events that stay parked, and why now.
    pub left: Vec<(Position, String)>,
}

pub async fn retry(
    ledger: &DynamoLedger,
    key: &ProjectionKey,
    fold: impl Fn(&[u8], &Recorded) -> Folded + Send + Sync,
) -> Result<Retried, LedgerError> {
    let mut retried = Retried::default();
    for parked in ledger.parked(key).await? {
        match retry_one(ledger, key, parked.position, &fold).await? {
            None => retried.folded += 1,
            Some(reason) => retried.left.push((parked.position, reason)),
        }
    }
    Ok(retried)
}

/// `None`: folded in. Else why not.
async fn retry_one(
    ledger: &DynamoLedger,
    key: &ProjectionKey,
    position: Position,
    fold: &(impl Fn(&[u8], &Recorded) -> Folded + Send + Sync),
) -> Result<Option<String>, LedgerError> {
    let before = Position::from_u64(position.as_u64().saturating_sub(1));
    let event = match ledger.read_all(before, 1).await {
        Ok(page) => page.into_iter().next(),
        Err(LedgerError::Unreadable { reason, .. }) => return Ok(Some(reason)),
        Err(error) => return Err(error),
    };
    let Some(event) = event else {
        return Ok(Some("there is no event at this position".to_owned()));
    };
    for _ in 0..RACES_MAX {
        let saved = match ledger.load_projection(key).await? {
            // What is saved has not come by it: the projector folds it when it does.
            Some(saved) if saved.position >= position => saved,
            _ => return Ok(Some("the projection has not come so far yet".to_owned())),
        };
        let state = match fold(&saved.state, &event) {
            Folded::Into(state) => state,
            Folded::Not(reason) => {
                ledger.park(key, position, &reason).await?;
                return Ok(Some(reason));
            }
        };
        let next = SavedProjection { position: saved.position, state };
        if ledger.unpark(key, position, saved.position, &next).await? {
            return Ok(None);
        }
    }
    Ok(Some("projectors were faster each time".to_owned()))
}
