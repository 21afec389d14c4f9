//! The broker puts the floors together. Start reading at `pipeline.rs`: every request passes through it, in one order.
//!
//! It speaks typed requests and replies ([`Request`], [`Reply`]) and knows no protocol; dialects translate.

mod pipeline;
mod request;
mod shared;
mod context;
mod routed;
mod identity;
mod known;
mod recognise;
mod input;
mod strangers;
mod judged;
mod lines;
mod perform;
mod answer;
mod finish;
// The OAuth dialect is the first to send chains; until then tests do (docs/adr/0007).
mod chain;
mod uses;
mod stripes;
mod background;
mod kinds;
mod start;
mod measure;
pub(crate) mod documents;
pub mod offline;
#[cfg(test)]
mod tests;

pub use crate::services::{
    audit::DeviceConfig,
    counts::{Durations, EndedCount, Reader},
    lifecycle::StaticKey,
    tokens::WalkReport,
};
pub(crate) use input::from_pairs;
pub use kinds::KINDS;
pub use measure::Measurements;
pub use request::{Body, BodyError, BodySource, Decode, Peer, Reading, Reply, Request};
pub use start::{Setup, StartError};
pub use strangers::RefusalLimit;
#[cfg(test)]
pub use strangers::Unlimited;

use std::{net::IpAddr, sync::Arc};

use crate::{broker::shared::Shared, contract::Error, services::audit::Refusal};

/// The whole server behind its listeners.
pub struct Broker {
    shared: Arc<Shared>,
}

impl Broker {
    /// Answers one request. Every way in ends here or in [`Broker::handle_chain`].
    pub async fn handle(&self, request: Request) -> Reply {
        pipeline::handle(&self.shared, request).await
    }

    /// Answers a request whose caller logs in with it: both are judged and recorded, and one unit commits both.
    #[cfg_attr(not(test), expect(dead_code, reason = "dialects to come send chains"))]
    pub async fn handle_chain(&self, chain: chain::Chain) -> Reply {
        chain::handle(&self.shared, chain).await
    }

    /// Refuses a request that a dialect could not read. It counts as a stranger's.
    pub fn refuse_unread(&self, peer: &Peer, error: Error) -> Reply {
        let address = peer.address.ip();
        let error = strangers::charge(&self.shared.refusal_limit, address, error);
        // The path did not parse, so it is not written down.
        let (status, reason) = (error.fault.status(), pipeline::reason(&error));
        let refusal = Refusal { operation: "", path: "", address, status, reason };
        self.shared.services.counts.refuse_unread(Reader::Dialect);
        self.shared.services.audit.record_refusal(&refusal, self.shared.services.clock.now());
        Reply::refusal(error)
    }

    /// Counts a request that was refused before a dialect saw it.
    pub fn refused_by_listener(&self, address: IpAddr) {
        self.shared.refusal_limit.count(address);
        self.shared.services.counts.refuse_unread(Reader::Listener);
        let refusal =
            Refusal { operation: "", path: "", address, status: 400, reason: "not HTTP, or for another host" };
        self.shared.services.audit.record_refusal(&refusal, self.shared.services.clock.now());
    }

    /// The state of the server for health checks that ask no token.
    pub fn readiness(&self) -> Readiness {
        let seal = self.shared.services.barrier.status();
        Readiness {
            is_initialised: seal.is_initialised,
            is_sealed: seal.is_sealed,
            is_audit_ready: self.shared.services.audit.is_ready(),
            is_store_open: self.shared.services.barrier.store().is_open(),
        }
    }

    /// For the panic hook: writes audit lines that are still queued.
    pub fn drain_for_panic(&self) {
        self.shared.services.audit.drain_for_panic();
    }
}

/// What the server needs to do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    pub is_initialised: bool,
    pub is_sealed: bool,
    /// Every required audit device can be written.
    pub is_audit_ready: bool,
    /// The store has not closed itself after a failure.
    pub is_store_open: bool,
}

impl Readiness {
    /// Whether requests are served.
    pub const fn is_ready(self) -> bool {
        self.is_initialised && !self.is_sealed && self.is_audit_ready && self.is_store_open
    }
}
