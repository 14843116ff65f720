//! `sandbox-warm`: sandboxes wait ready.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Order;
use crate::record::Found;
use crate::{Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes};

/// Makes sandboxes ahead until as many wait ready as the policy's pool says, or as are asked for. Whoever needs a
/// new one then gets one of these at once.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxWarm {
    /// How many are to wait, at most 100; the policy's pool if not given.
    #[serde(default)]
    pub pool: Option<u32>,
}

/// The pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxWarmOutput {
    /// How many were made.
    pub made: u32,
    /// How many could not be made.
    pub failed: u32,
    /// How many wait now.
    pub waiting: u32,
}

impl Operation for SandboxWarm {
    const NAME: &'static str = "sandbox-warm";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::REMOTE;
    const EXAMPLE: &'static str = r#"{"pool": 2}"#;
    const IN_WORKSPACE: bool = false;
    type Output = SandboxWarmOutput;

    fn place(&self) -> Place<'_> {
        Place::Host(Order::Warm { pool: self.pool })
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        match self.pool {
            Some(pool) if pool > 100 => Err(Rejection::argument("pool", "must be at most 100")),
            _ => Ok(()),
        }
    }

    fn decide(&self, context: &Context<'_>, _: &[Exits]) -> Decision<Self::Output> {
        match context.found {
            Found::Warmed(told) => Done::with(told.clone()).into(),
            _ => super::untold().into(),
        }
    }
}
