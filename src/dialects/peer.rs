//! The peer of a request's connection.

use http::request::Parts;

use crate::broker::Peer;

/// The peer that the listener attached to the request. If there is none, the peer
/// has the address 0.0.0.0 and no certificate.
pub(super) fn peer_of(parts: &Parts) -> Peer {
    let unknown = || Peer { address: ([0, 0, 0, 0], 0).into(), certificate: None };
    parts.extensions.get::<Peer>().cloned().unwrap_or_else(unknown)
}
