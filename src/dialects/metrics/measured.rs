//! The measurements of which the answer to one scrape is made.

use crate::{base::time::Time, broker::Measurements};

/// All measurements at one moment.
pub(super) struct Measured {
    pub broker: Measurements,
    pub server: ServerMeasurements,
}

/// The measurements of the server around the broker.
pub struct ServerMeasurements {
    pub connections: Vec<ConnectionMeasurements>,
    /// When the first certificate of a listener ends. `None` if no listener has one.
    pub certificates_end: Option<Time>,
    pub process: ProcessMeasurements,
}

/// The connections of all listeners with the same use.
pub struct ConnectionMeasurements {
    /// The use of these listeners: `api` or `metrics`.
    pub listener: &'static str,
    pub open: u64,
    /// The number of connections accepted since the start.
    pub accepted: u64,
    /// The number of connections closed at once since the start, because there was no room for them.
    pub refused: u64,
}

/// Measurements of the process. A number that the operating system does not give is `None`.
pub struct ProcessMeasurements {
    pub started: Time,
    /// The CPU time of all threads, in user and system mode.
    pub cpu_secs: f64,
    pub resident_bytes: Option<u64>,
    pub open_descriptors: Option<u64>,
    pub max_descriptors: Option<u64>,
}
