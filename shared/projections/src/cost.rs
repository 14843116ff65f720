//! What sandboxes cost: how long they ran, times a price table. Prices are never in events, so history
//! can be priced again.

pub mod attribution;
pub mod estimate;
pub mod meter;
pub mod money;
pub mod price;
pub mod usage;
pub mod windows;

pub use attribution::{Cost, CostReport};
pub use estimate::Estimate;
pub use meter::Meter;
pub use money::NanoDollars;
pub use price::Price;
pub use usage::{ResourceTime, SandboxUsage};
pub use windows::Windows;
