//! What it costs: what was used, times a price list with dates. Prices are never in events, so history can be
//! priced again.
//!
//! [`attribution`] says whose each microsecond was, [`prices`] what it costs, [`report`] adds it up; [`estimate`]
//! is the same total from the metrics' own windows, and [`budget`] the same parts held against limits.

pub mod attribution;
pub mod budget;
pub mod claim;
pub mod estimate;
pub mod exact;
pub mod meter;
pub mod money;
pub mod price;
pub mod prices;
pub mod report;
pub mod usage;
pub mod windows;

pub use attribution::{Attribution, Whose};
pub use budget::{Budget, Budgets, Scope, Standing};
pub use estimate::Estimate;
pub use exact::Exact;
pub use meter::Meter;
pub use money::NanoDollars;
pub use price::Price;
pub use prices::Prices;
pub use report::{By, CostFold, CostLine, CostReport};
pub use usage::{ResourceTime, SandboxUsage, Usage};
pub use windows::Windows;
