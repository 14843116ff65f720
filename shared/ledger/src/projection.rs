//! The saved state of a projection: a cache of a fold, never a truth of its own.

use crate::Position;

/// Which projection, and which version of its fold. Another version starts from the first event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProjectionKey {
    /// Its name.
    pub name: &'static str,
    /// The version of its fold and of its state's shape.
    pub version: u32,
}

/// State and position, which are only ever written together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedProjection {
    /// Everything up to and including this position is folded in.
    pub position: Position,
    /// The state, in the projection's own encoding.
    pub state: Vec<u8>,
}

/// An event that a projection could not fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedEvent {
    /// Which event.
    pub position: Position,
    /// Why.
    pub reason: String,
}
