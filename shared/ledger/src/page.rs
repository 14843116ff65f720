//! Pages that nothing unreadable ends: what is broken stands at its place, and those after it follow.

use gitledger_events::Event;

use crate::{Ledger, LedgerError, Position, Recorded};

/// The next event, or one whose envelope is broken.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // nearly all are events, and a box for each would be work for nothing
pub enum Next {
    /// As it was recorded.
    Event(Recorded),
    /// At this position is something that is no event.
    Broken(Position, String),
}

/// What is at a place in the ledger, for whoever folds it.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The place.
    pub position: Position,
    /// What happened, or why nobody can tell.
    pub event: Result<Event, String>,
}

impl From<Next> for Decoded {
    fn from(next: Next) -> Self {
        match next {
            Next::Event(Recorded { position, record }) => {
                Self { position, event: record.decode().map_err(|error| error.to_string()) }
            }
            Next::Broken(position, reason) => Self { position, event: Err(reason) },
        }
    }
}

/// The next page. The events before one that cannot be read come first, then it comes alone.
pub async fn next_page<L: Ledger + ?Sized>(
    ledger: &L,
    after: Position,
    limit: usize,
) -> Result<Vec<Next>, LedgerError> {
    let mut limit = limit;
    loop {
        match ledger.read_all(after, limit).await {
            Ok(page) => return Ok(page.into_iter().map(Next::Event).collect()),
            Err(LedgerError::Unreadable { .. }) if limit > 1 => limit /= 2,
            Err(LedgerError::Unreadable { position, reason }) => {
                return Ok(vec![Next::Broken(Position::from_u64(position), reason)]);
            }
            Err(error) => return Err(error),
        }
    }
}
