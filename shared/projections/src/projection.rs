//! The trait of every fold over the whole ledger.

use gitledger_events::Event;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A pure fold of events, whose state can be saved and taken up again.
///
/// An event that means nothing to a projection changes nothing; `apply` never fails and never panics.
pub trait Projection: Default + Serialize + DeserializeOwned {
    /// Its name, the key of its saved state.
    const NAME: &'static str;
    /// The version of the fold and of the state's shape. A new one starts from the first event.
    const VERSION: u32;

    /// Takes in the next event, in the ledger's order.
    fn apply(&mut self, event: &Event);

    /// The state as it is saved.
    fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// The state as it was saved; an error means: start from the first event.
    fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// The state after these events.
pub fn fold<'a, P: Projection>(events: impl IntoIterator<Item = &'a Event>) -> P {
    let mut state = P::default();
    for event in events {
        state.apply(event);
    }
    state
}
