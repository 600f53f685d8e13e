//! What the server says of itself: log lines, counters, and whether it is well.

pub mod gauges;
pub mod health;
pub mod logging;
pub mod metrics;

pub use metrics::Metrics;
