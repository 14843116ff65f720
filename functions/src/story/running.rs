//! One request on its way: what was asked, since when, and for how long.

use std::time::{Duration, Instant};

use gitledger_events::Fact;
use gitledger_events::operation::OperationRequested;
use gitledger_operations::lifecycle::Order;
use gitledger_operations::record::Found;
use gitledger_operations::{Asked, Declaration, Place};
use jiff::{SignedDuration, Timestamp};

use crate::lifecycle::webhook;
use crate::running::Entry;
use crate::{Request, World};

/// One request on its way.
pub(crate) struct Running<'w> {
    pub world: &'w World,
    pub request: Request,
    pub declaration: &'static Declaration,
    pub asked: Box<dyn Asked>,
    pub started: Instant,
    pub requested_at: Timestamp,
    pub deadline: Timestamp,
    /// What it wanted to know of the ledger.
    pub found: Found,
    /// Its place among those that this process works on.
    pub entry: Entry,
    /// How long it may take: the operation's budget, or what the caller gives it.
    pub time: Duration,
    /// When somebody else is to go on with it, because its caller waits no longer.
    pub handover: Option<Instant>,
    /// How far its stream is already: zero, unless it was begun by somebody else.
    pub begun: u64,
}

impl Running<'_> {
    /// Whether its caller waits no longer.
    pub(crate) fn is_overdue(&self) -> bool {
        self.handover.is_some_and(|handover| handover <= Instant::now())
    }

    /// So long, and no longer than its caller waits.
    pub(crate) fn within(&self, time: Duration) -> Duration {
        let left = self.handover.map(|handover| handover.saturating_duration_since(Instant::now()));
        left.map_or(time, |left| left.min(time))
    }

    /// When a lease lapses: a little after the operation's last moment.
    pub(crate) fn lease_end(&self) -> Timestamp {
        self.deadline.saturating_add(SignedDuration::from_secs(10)).unwrap_or(Timestamp::MAX)
    }

    /// What tells a repeat from another request under the same key.
    pub(crate) fn digest(&self) -> String {
        match self.asked.place() {
            Place::Host(Order::Look { notice }) => self.request.digest_of(&webhook::same(notice)),
            _ => self.request.digest(),
        }
    }

    /// The intent, where nobody has recorded it yet.
    pub(crate) fn intents(&self) -> Vec<Fact> {
        if self.begun == 0 { vec![self.intent().into()] } else { Vec::new() }
    }

    /// The intent.
    pub(crate) fn intent(&self) -> OperationRequested {
        let sandbox_id = match self.asked.place() {
            Place::Named(id) => Some(id.to_owned()),
            Place::Host(order) => order.sandbox_id().map(str::to_owned),
            Place::Opens { .. } | Place::Ledger => None,
        };
        OperationRequested {
            effect: self.declaration.effect,
            input: self.asked.recorded_input(),
            input_digest: self.digest(),
            sandbox_id,
            holder: self.world.holder.clone(),
            deadline: self.deadline,
        }
    }
}
