//! Callers whom nobody knows. Their refusals are limited by address and counted in the audit log; a caller with a live
//! token is never refused because of its neighbours.

use std::{net::IpAddr, sync::Arc, time::Duration};

use crate::contract::{Error, Fault};

/// Counts refused requests by address. The server has one; a test may bring its own.
pub trait RefusalLimit: Send + Sync {
    /// How long this address has to wait before it may be a stranger again; `None` if it need not.
    fn wait(&self, address: IpAddr) -> Option<Duration>;
    /// Counts one refused request of a stranger.
    fn count(&self, address: IpAddr);
}

/// No limit.
#[cfg(test)]
pub struct Unlimited;

#[cfg(test)]
impl RefusalLimit for Unlimited {
    fn wait(&self, _: IpAddr) -> Option<Duration> {
        None
    }

    fn count(&self, _: IpAddr) {}
}

/// What a stranger is told who is refused with `error`: the refusal counts, unless its address has to wait already.
pub(super) fn charge(limit: &Arc<dyn RefusalLimit>, address: IpAddr, error: Error) -> Error {
    match check(limit, address) {
        Ok(()) => {
            limit.count(address);
            error
        }
        Err(too_many) => too_many,
    }
}

/// Refuses a stranger whose address has been refused too often.
pub(super) fn check(limit: &Arc<dyn RefusalLimit>, address: IpAddr) -> Result<(), Error> {
    let Some(wait) = limit.wait(address) else { return Ok(()) };
    Err(Error {
        retry_after_secs: Some(wait.as_secs() + 1),
        ..Error::new(Fault::TooMany, "too many refused requests from this address: wait before the next")
    })
}
