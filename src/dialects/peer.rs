//! Who is at the other end of a request's connection.

use http::request::Parts;

use crate::broker::Peer;

/// The peer that the listener attached to the request. Without it the caller counts as unknown, from no address.
pub(super) fn peer_of(parts: &Parts) -> Peer {
    let unknown = || Peer { address: ([0, 0, 0, 0], 0).into(), certificate: None };
    parts.extensions.get::<Peer>().cloned().unwrap_or_else(unknown)
}
