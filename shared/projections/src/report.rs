//! The report on leaving hosted sandboxes: the five criteria over weeks, how sure they are, which events are behind
//! them, what would bring them back, and what to do.
//!
//! The thresholds are those of [`crate::verdict`]. Pure: days come from a replay, alternatives from simulations.

pub mod advice;
pub mod confidence;
pub mod criteria;
pub mod phases;
pub mod queries;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use advice::{Advice, Alternative, Platform, SelfHosted};
pub use confidence::Interval;
pub use criteria::{CriterionReport, Evidence, Trend, Week, Window};
pub use phases::Phases;

/// Everything that the report says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The last event that counts.
    pub position: u64,
    /// The instant that "now" stands for.
    pub at: Timestamp,
    /// The first day (UTC) that counts.
    pub from: String,
    /// How many days.
    pub days: i64,
    /// Operations that ended in them.
    pub operations: u64,
    /// True when a criterion at least is exceeded.
    pub time_to_move: bool,
    /// The five, always all and in the same order.
    pub criteria: Vec<CriterionReport>,
    /// The two phases of the validation.
    pub phases: Phases,
    /// What else could be done, by simulation.
    pub advice: Advice,
}
