//! Dialects: the protocols that clients speak, one folder or file each. A dialect turns HTTP words into the broker's typed
//! requests and its replies into HTTP words; it owns words, not power. [`router`] joins them for the listener.

mod body;
mod query;
mod status;
mod vault;

use std::sync::Arc;

use axum::Router;
use http::request::Parts;

pub use body::Slow;
#[cfg(test)]
pub(crate) use body::read as read_body;

use crate::broker::{Broker, Peer};

/// Everything that one listener answers.
pub fn router(broker: &Arc<Broker>) -> Router {
    Router::new().merge(status::router(Arc::clone(broker))).merge(vault::router(Arc::clone(broker)))
}

/// Who is at the other end. The listener attaches it to every request; without it the caller counts as unknown, from no
/// address.
fn peer_of(parts: &Parts) -> Peer {
    let unknown = || Peer { address: ([0, 0, 0, 0], 0).into(), certificate: None };
    parts.extensions.get::<Peer>().cloned().unwrap_or_else(unknown)
}
