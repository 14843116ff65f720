//! A look at one sandbox: what E2B says of it, against what the ledger says.

use gitledger_events::sandbox::{
    SandboxExpired, SandboxExtended, SandboxLost, SandboxPaused, SandboxResumed,
};
use gitledger_events::{Elapsed, Fact};
use jiff::{SignedDuration, Timestamp};

use super::open::OWNER_KEY;
use super::{LeaseError, Sandboxes};
use crate::Origin;
use crate::control::{Listed, SandboxDetail, State};
use crate::lease_state::{LeaseState, Life};

/// Two ends of a life nearer than this are the same one: each side computes it from its own clock.
const SAME_END: SignedDuration = SignedDuration::from_secs(30);

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Both say the same, or somebody changed it meanwhile, who knows better.
    Unchanged,
    /// It sleeps; the ledger was told.
    Paused,
    /// It runs; the ledger was told.
    Resumed,
    /// It ends at another time; the ledger was told.
    Extended,
    /// It is no more; the ledger was told.
    Ended,
    /// It is ours and the ledger did not know it; it was ended.
    Leaked,
    /// It is not ours, or too young to say.
    Foreign,
    /// An operation has it, and records what it does.
    Busy,
}

impl Sandboxes {
    /// Asks E2B what became of a sandbox, and makes the ledger say so. May be done at any time, by anybody and any
    /// number of times: nothing is recorded but what E2B says when it is asked, and nothing that is younger
    /// than what the ledger held before.
    pub async fn look(
        &self,
        sandbox_id: &str,
        grace: SignedDuration,
        origin: &Origin,
    ) -> Result<Look, LeaseError> {
        let before = self.state(sandbox_id).await?;
        let found = self.control.get(sandbox_id).await?;
        let known = matches!(before.life, Life::Running | Life::Paused);
        match found {
            Some(SandboxDetail { listed, .. }) if !known => self.stranger(&listed, grace, origin).await,
            None if !known => Ok(Look::Foreign),
            None => {
                let fact = ended(&before, self.world.now());
                Ok(if self.end(sandbox_id, fact, origin).await? { Look::Ended } else { Look::Unchanged })
            }
            Some(SandboxDetail { listed, .. }) => {
                let now = self.world.now();
                let correct = |state: &LeaseState| {
                    Ok(match correction(state, &listed, now) {
                        // Somebody wrote meanwhile: what E2B said may be older than that.
                        _ if state.version != before.version => (Look::Unchanged, Vec::new()),
                        (look, fact) => (look, fact.into_iter().collect()),
                    })
                };
                self.decide(sandbox_id, origin, correct).await
            }
        }
    }

    /// The ledger does not know it, or says that it is no more.
    async fn stranger(
        &self,
        listed: &Listed,
        grace: SignedDuration,
        origin: &Origin,
    ) -> Result<Look, LeaseError> {
        let owner = listed.metadata.as_ref().and_then(|all| all.get(OWNER_KEY));
        let old = self.world.now().duration_since(listed.started_at) > grace;
        if owner.map(String::as_str) != Some(&*self.owner) || !old {
            return Ok(Look::Foreign);
        }
        Ok(if self.end_leaked(listed, origin).await? { Look::Leaked } else { Look::Unchanged })
    }
}

fn ended(state: &LeaseState, now: Timestamp) -> Fact {
    let expired = state.life == Life::Running && state.expires_at.is_some_and(|end| end <= now);
    if expired {
        SandboxExpired {}.into()
    } else {
        SandboxLost { evidence: "E2B has no such sandbox".to_owned() }.into()
    }
}

fn correction(state: &LeaseState, listed: &Listed, now: Timestamp) -> (Look, Option<Fact>) {
    if state.held_at(now).is_some() {
        return (Look::Busy, None);
    }
    let expires_at = listed.end_at;
    match (state.life, listed.state) {
        (Life::Running, State::Paused) => (Look::Paused, Some(SandboxPaused {}.into())),
        (Life::Paused, State::Running) => {
            (Look::Resumed, Some(SandboxResumed { resume_ms: Elapsed::ZERO, expires_at }.into()))
        }
        (Life::Running, State::Running) if !same(state.expires_at, expires_at) => {
            (Look::Extended, Some(SandboxExtended { expires_at }.into()))
        }
        _ => (Look::Unchanged, None),
    }
}

fn same(known: Option<Timestamp>, told: Timestamp) -> bool {
    known.is_some_and(|known| known.duration_since(told).abs() <= SAME_END)
}
