//! From when on something counts as left behind, and in whose name it is closed.

use gitledger_events::Actor;
use gitledger_sandboxes::Origin;
use jiff::SignedDuration;

use crate::World;

/// How a holder's name begins that lives only as long as one program on one data directory: whoever has
/// the directory knows that all other such holders are dead.
pub const LOCAL_HOLDER: &str = "local:";

/// What is younger is left alone: it may be on its way into the ledger or into E2B's list.
pub(crate) const GRACE: SignedDuration = SignedDuration::from_secs(60);
/// After its deadline an operation's own function gets this long to close it.
pub(super) const OVERDUE: SignedDuration = SignedDuration::from_secs(30);

/// What is done for nobody in particular.
pub(crate) fn nobody(world: &World) -> Origin {
    Origin { operation: None, actor: Actor::default(), repo: None, correlation_id: world.clock.id() }
}
