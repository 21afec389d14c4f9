//! The broker joins the services, engines and auth methods. Start reading at `pipeline.rs`: every
//! request passes through it, in one order.
//!
//! The broker speaks typed requests and replies ([`Request`], [`Reply`]) and knows no protocol; dialects translate.

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
// The OAuth dialect will be the first to send chains; until then only tests do (docs/adr/0007).
mod chain;
mod uses;
mod background;
mod kinds;
mod start;
mod measure;
pub(crate) mod documents;
pub mod offline;
#[cfg(test)]
mod tests;

pub use crate::services::{
    audit::{DeviceConfig, Rotation},
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

/// The broker: the whole server behind its listeners.
pub struct Broker {
    shared: Arc<Shared>,
}

impl Broker {
    /// Answers one request. Every request comes in here or through [`Broker::handle_chain`].
    pub async fn handle(&self, request: Request) -> Reply {
        pipeline::handle(&self.shared, request).await
    }

    /// Answers a login and a request of the caller who logs in. Both are judged and
    /// recorded, and one unit of work commits both.
    #[cfg_attr(not(test), expect(dead_code, reason = "dialects to come send chains"))]
    pub async fn handle_chain(&self, chain: chain::Chain) -> Reply {
        chain::handle(&self.shared, chain).await
    }

    /// Refuses a request that a dialect could not read, and counts it against the address as a stranger's.
    pub fn refuse_unread(&self, peer: &Peer, error: Error) -> Reply {
        let address = peer.address.ip();
        let error = strangers::charge(&self.shared.refusal_limit, address, error);
        // The path is not recorded, because it could not be parsed.
        let (status, reason) = (error.fault.status(), pipeline::reason(&error));
        let refusal = Refusal { operation: "", path: "", address, status, reason };
        self.shared.services.counts.refuse_unread(Reader::Dialect);
        self.shared.services.audit.record_refusal(&refusal, self.shared.services.clock.now());
        Reply::refusal(error)
    }

    /// Counts a request that the listener refused before a dialect saw it.
    pub fn refused_by_listener(&self, address: IpAddr) {
        self.shared.refusal_limit.count(address);
        self.shared.services.counts.refuse_unread(Reader::Listener);
        let refusal =
            Refusal { operation: "", path: "", address, status: 400, reason: "not HTTP, or for another host" };
        self.shared.services.audit.record_refusal(&refusal, self.shared.services.clock.now());
    }

    /// The state of the server, for health checks that need no token.
    pub fn readiness(&self) -> Readiness {
        let seal = self.shared.services.barrier.status();
        Readiness {
            is_initialised: seal.is_initialised,
            is_sealed: seal.is_sealed,
            is_audit_ready: self.shared.services.audit.is_ready(),
            is_store_open: self.shared.services.barrier.store().is_open(),
        }
    }

    /// Writes the audit log lines that are still queued. For the panic hook.
    pub fn drain_for_panic(&self) {
        self.shared.services.audit.drain_for_panic();
    }
}

/// What must be true before the server can do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    pub is_initialised: bool,
    pub is_sealed: bool,
    /// Whether every required audit device can be written.
    pub is_audit_ready: bool,
    /// Whether the store is open. It closes itself after a failure.
    pub is_store_open: bool,
}

impl Readiness {
    /// Whether requests are served.
    pub const fn is_ready(self) -> bool {
        self.is_initialised && !self.is_sealed && self.is_audit_ready && self.is_store_open
    }
}
