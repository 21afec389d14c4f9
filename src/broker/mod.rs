//! The broker puts the floors together. Start reading at `pipeline.rs`: every request passes through it, in one order.

mod pipeline;
mod locate;
mod identify;
mod perform;
mod dispatch;
mod uses;
mod audit_lines;
mod stripes;
mod errands;
mod start;
pub mod offline;
#[cfg(test)]
mod tests;

pub use crate::services::{audit::DeviceConfig, tokens::WalkReport};
pub use start::{DevInit, Setup, StartError};

use std::sync::Arc;

use crate::{
    broker::{audit_lines::Sampler, stripes::Stripes},
    contract::Kind,
    services::{Services, mounts::MountTable},
    wire,
};

/// The kinds that can be enabled. Adding one is a folder and a line here.
pub static KINDS: &[Kind] = &[
    Kind::engine::<crate::engines::kv::Kv>(),
    Kind::engine::<crate::engines::service_tokens::ServiceTokens>(),
    Kind::auth::<crate::auth_methods::approle::AppRole>(),
    #[cfg(test)]
    Kind::engine::<tests::endings::Panicking>(),
];

/// The whole server behind its listeners.
pub struct Broker {
    services: Arc<Services>,
    /// What can be reached while the store is sealed: `sys/` alone.
    sealed_mounts: Arc<MountTable>,
    stripes: Stripes,
    /// Whose turn it is to use a token that has few uses.
    use_turns: Stripes,
    sampler: Sampler,
}

impl Broker {
    /// Answers one request. Every way in ends here.
    pub async fn handle(self: &Arc<Self>, request: wire::Request) -> wire::Response {
        pipeline::handle(self, request).await
    }

    /// For the panic hook: writes audit lines that are still queued.
    pub fn drain_for_panic(&self) {
        self.services.audit.drain_for_panic();
    }
}
