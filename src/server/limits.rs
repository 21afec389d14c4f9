//! The limits of listeners and connections in one value, so that a test can shorten every deadline. The numbers and
//! their reasons are in `base::limits`.

use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use crate::base::limits;

/// The limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connections: ConnectionLimits,
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

/// The limits on connections that are open at once, on all listeners together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    pub(crate) all_max: usize,
    /// One address may hold at most this many connections.
    pub(crate) address_max: usize,
    /// This many connections can be taken only by clients on this machine.
    pub(crate) loopback_reserved: usize,
}

impl ConnectionLimits {
    /// The same limits, lowered if the process may open too few file descriptors. Storage and audit need some of them.
    pub(crate) fn fit_descriptors(self) -> Self {
        let Some(descriptors) = getrlimit(Resource::Nofile).current else { return self };
        let room = usize::try_from(descriptors).unwrap_or(usize::MAX).saturating_sub(limits::DESCRIPTORS_RESERVED);
        let all_max = self.all_max.min(room).max(1);
        Self {
            all_max,
            address_max: self.address_max.min(all_max.div_ceil(2)),
            loopback_reserved: self.loopback_reserved.min(all_max / 8),
        }
    }
}

/// The limit of refused requests from one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusals {
    /// An address may make `burst` refused requests at once, and `per_sec` a second in the long run.
    Limited {
        per_sec: u32,
        burst: u32,
    },
    Unlimited,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: ConnectionLimits {
                all_max: limits::CONNECTIONS_MAX,
                address_max: limits::CONNECTIONS_PER_ADDRESS_MAX,
                loopback_reserved: limits::CONNECTIONS_LOOPBACK_RESERVED,
            },
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
