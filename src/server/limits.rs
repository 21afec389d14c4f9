//! The listener's limits in one value, so that a test can shrink every deadline. The numbers and their reasons stand
//! in `base::limits`.

use std::time::Duration;

use crate::base::limits;

/// What a connection may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connections_max: usize,
    pub handshake: Duration,
    pub head: Duration,
    pub idle: Duration,
    pub body_grace: Duration,
    pub body_bytes_per_sec_min: u64,
    pub request: Duration,
    pub write_stall: Duration,
    pub linger: Duration,
    pub stop: Duration,
    pub refusals: Refusals,
}

/// How many refused requests one address may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusals {
    /// A bucket of `burst` that fills at `per_sec`.
    Limited {
        per_sec: u32,
        burst: u32,
    },
    Unlimited,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: limits::CONNECTIONS_MAX,
            handshake: Duration::from_millis(limits::HANDSHAKE_MILLIS_MAX),
            head: Duration::from_millis(limits::HEAD_MILLIS_MAX),
            idle: Duration::from_millis(limits::IDLE_MILLIS_MAX),
            body_grace: Duration::from_millis(limits::BODY_GRACE_MILLIS),
            body_bytes_per_sec_min: limits::BODY_BYTES_PER_SEC_MIN,
            request: Duration::from_millis(limits::REQUEST_MILLIS_MAX),
            write_stall: Duration::from_millis(limits::WRITE_STALL_MILLIS_MAX),
            linger: Duration::from_millis(limits::LINGER_MILLIS_MAX),
            stop: Duration::from_millis(limits::STOP_MILLIS_MAX),
            refusals: Refusals::Limited { per_sec: limits::REFUSALS_PER_SEC, burst: limits::REFUSALS_BURST },
        }
    }
}
