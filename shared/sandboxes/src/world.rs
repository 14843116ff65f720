//! The clock and the ids, handed in so that tests can hold them still.

use jiff::Timestamp;
use uuid::Uuid;

/// What is not in the arguments: the time, and new ids.
pub trait World: Send + Sync + 'static {
    /// The wall clock. A label on events and the measure of leases; never an order.
    fn now(&self) -> Timestamp;
    /// A new UUIDv7.
    fn id(&self) -> Uuid;
}

/// The real one.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemWorld;

impl World for SystemWorld {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn id(&self) -> Uuid {
        Uuid::now_v7()
    }
}
