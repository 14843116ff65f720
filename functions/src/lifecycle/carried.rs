//! What comes of an order to the sandboxes' host, and what the ledger knows of the sandbox before.

use gitledger_operations::Failure;
use gitledger_operations::record::Found;
use gitledger_sandboxes::LeaseError;
use gitledger_sandboxes::lease_state::LeaseState;

use crate::story::sandbox::lease_failure;
use crate::{Refusal, World};

/// What came of an order, or why it could not be carried out.
pub(super) type Carried = Result<Found, Box<Failure>>;

/// As the ledger tells it; of one that cannot be, nothing.
pub(super) async fn state(world: &World, sandbox_id: &str) -> Result<LeaseState, Refusal> {
    match world.sandboxes.state(sandbox_id).await {
        Ok(state) => Ok(state),
        Err(LeaseError::Ledger(error)) => Err(error.into()),
        Err(_) => Ok(LeaseState::default()),
    }
}

/// A sandbox said no: that is an answer. Trouble with the ledger is none.
pub(super) fn refused(error: LeaseError) -> Result<Carried, Refusal> {
    lease_failure(error).map(|failure| Err(Box::new(failure)))
}
