//! Counts of connections for all listeners with the same use: accepted, refused, and open now.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::dialects::ConnectionMeasurements;

/// The counts. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct ConnectionCounts(Arc<Counted>);

#[derive(Default)]
struct Counted {
    open: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
}

/// Counts a connection as open until this value is dropped.
pub(crate) struct CountedConnection(ConnectionCounts);

impl ConnectionCounts {
    pub(crate) fn accept(&self) -> CountedConnection {
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
        self.0.open.fetch_add(1, Ordering::Relaxed);
        CountedConnection(self.clone())
    }

    /// Counts a connection for which there was no room.
    pub(crate) fn refuse(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts at this moment, under the name of the listeners' use.
    pub(crate) fn measure(&self, listener: &'static str) -> ConnectionMeasurements {
        ConnectionMeasurements {
            listener,
            open: self.0.open.load(Ordering::Relaxed),
            accepted: self.0.accepted.load(Ordering::Relaxed),
            refused: self.0.refused.load(Ordering::Relaxed),
        }
    }
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
