//! The metrics: one table of names, one fold, one snapshot, one rendering as Prometheus text.

pub mod board;
pub mod buckets;
pub mod definitions;
pub mod openmetrics;
pub mod process;
pub mod projection;
pub mod render;
pub mod snapshot;

pub use definitions::{Kind, Label, METRICS, Metric, Values, Vocabulary};
pub use projection::{About, FeedStanding, Metrics, Observation, Shown};
pub use render::render;
pub use snapshot::{Count, HistogramValue, MetricsSnapshot, Series};
