//! What all requests of one broker share.

use std::sync::Arc;

use crate::{
    broker::{strangers::RefusalLimit, stripes::Stripes},
    services::{
        Services,
        mounts::{Mount, MountTable},
        opened::OpenEngine,
    },
};

pub(super) struct Shared {
    pub services: Arc<Services>,
    /// The engines of the mounts that every broker has, by their kinds.
    pub built_in: Vec<(&'static str, OpenEngine)>,
    /// What can be reached while the store is sealed: `sys/` alone.
    pub sealed_mounts: Arc<MountTable>,
    pub retry_queue: Stripes,
    /// Whose turn it is to use a token that has few uses.
    pub use_turns: Stripes,
    pub refusal_limit: Arc<dyn RefusalLimit>,
}

impl Shared {
    /// The engine of a mount: its own, or the broker's for the mounts that every broker has.
    pub fn engine_of(&self, mount: &Mount) -> Option<OpenEngine> {
        if let Some(engine) = &mount.engine {
            return Some(engine.clone());
        }
        let (_, engine) = self.built_in.iter().find(|(kind, _)| *kind == mount.record.kind)?;
        Some(engine.clone())
    }
}
