//! Strangers: callers whom nobody knows. Their refused requests are limited by address and counted in the audit log. A
//! caller with a live token is never refused because of others at its address.

use std::{net::IpAddr, sync::Arc, time::Duration};

use crate::contract::{Error, Fault};

/// Counts refused requests by address. The server has one implementation; a test may bring its own.
pub trait RefusalLimit: Send + Sync {
    /// How long this address must wait before a stranger at it may ask again. `None` if it need not wait.
    fn wait(&self, address: IpAddr) -> Option<Duration>;
    /// Counts one refused request of a stranger.
    fn count(&self, address: IpAddr);
}

/// A limit that never refuses.
#[cfg(test)]
pub struct Unlimited;

#[cfg(test)]
impl RefusalLimit for Unlimited {
    fn wait(&self, _: IpAddr) -> Option<Duration> {
        None
    }

    fn count(&self, _: IpAddr) {}
}

/// The error for a refused stranger, which is `error`, and counts against its address. If the address must wait
/// already, the error is 429 instead, and nothing is counted.
pub(super) fn charge(limit: &Arc<dyn RefusalLimit>, address: IpAddr, error: Error) -> Error {
    match check(limit, address) {
        Ok(()) => {
            limit.count(address);
            error
        }
        Err(too_many) => too_many,
    }
}

/// Refuses a stranger with 429 if its address was refused too often.
pub(super) fn check(limit: &Arc<dyn RefusalLimit>, address: IpAddr) -> Result<(), Error> {
    let Some(wait) = limit.wait(address) else { return Ok(()) };
    Err(Error {
        retry_after_secs: Some(wait.as_secs() + 1),
        ..Error::new(Fault::TooMany, "too many refused requests from this address: wait before the next")
    })
}
