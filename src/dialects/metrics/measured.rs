//! All that one scrape is made from.

use crate::{base::time::Time, broker::Measurements};

/// The numbers of one moment.
pub(super) struct Measured {
    pub broker: Measurements,
    pub server: ServerMeasurements,
}

/// What the server measures around the broker.
pub struct ServerMeasurements {
    pub connections: Vec<ConnectionMeasurements>,
    pub process: ProcessMeasurements,
}

/// The connections of the listeners that have one use.
pub struct ConnectionMeasurements {
    /// What the listeners are for: `api` or `metrics`.
    pub listener: &'static str,
    pub open: u64,
    /// Accepted since the start.
    pub accepted: u64,
    /// Closed at once since the start, because there was no room.
    pub refused: u64,
}

/// The process. What the system does not tell is `None`.
pub struct ProcessMeasurements {
    pub started: Time,
    /// Of all threads, in user and system mode.
    pub cpu_secs: f64,
    pub resident_bytes: Option<u64>,
    pub open_descriptors: Option<u64>,
    pub max_descriptors: Option<u64>,
}
