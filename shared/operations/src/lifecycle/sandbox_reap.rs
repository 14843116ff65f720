//! `sandbox-reap`: what nobody works on any more is closed.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Order;
use crate::record::Found;
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes};

/// Closes what nobody works on any more: operations whose function died, sandboxes that are gone or that nobody
/// knows. Pauses sandboxes that are idle, and ends those that slept too long. `gitledger up` does so by itself.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxReap {}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxReapOutput {
    /// Operations that got their outcome.
    pub operations_closed: u64,
    /// Operations whose outcome is still not known.
    pub operations_unknown: u64,
    /// Sandboxes that the ledger believed alive.
    pub sandboxes_gone: u64,
    /// Sandboxes that nobody knew.
    pub sandboxes_leaked: u64,
    /// Sandboxes of which the ledger learnt that they sleep, run or live longer.
    pub sandboxes_corrected: u64,
    /// Idle sandboxes that were paused.
    pub sandboxes_paused: u64,
    /// Sandboxes that slept too long and were ended.
    pub sandboxes_ended: u64,
}

impl Operation for SandboxReap {
    const NAME: &'static str = "sandbox-reap";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::REMOTE;
    const EXAMPLE: &'static str = r#"{}"#;
    const IN_WORKSPACE: bool = false;
    type Output = SandboxReapOutput;

    fn place(&self) -> Place<'_> {
        Place::Host(Order::Reap)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        Ok(())
    }

    fn decide(&self, context: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        match context.found {
            Found::Reaped(told) => Done::with(*told).into(),
            _ => super::untold().into(),
        }
    }
}
