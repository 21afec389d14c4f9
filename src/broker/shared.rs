//! The state that all requests of one broker share.

use std::sync::Arc;

use crate::{
    broker::strangers::RefusalLimit,
    services::{
        Services,
        mounts::{Mount, MountTable},
        opened::OpenEngine,
    },
    stripes::Stripes,
};

pub(super) struct Shared {
    pub services: Arc<Services>,
    /// The engines of the built-in mounts, by kind.
    pub built_in: Vec<(&'static str, OpenEngine)>,
    /// The mount table while the store is sealed: it has only `sys/`.
    pub sealed_mounts: Arc<MountTable>,
    /// From its second try on, a request holds the lock of its path here, so that competing requests wait instead of
    /// failing.
    pub retry_queue: Stripes,
    /// A request holds the lock of its token here while it uses a token with limited uses. It takes this lock from the
    /// beginning, so before that of its path.
    pub use_turns: Stripes,
    pub refusal_limit: Arc<dyn RefusalLimit>,
}

impl Shared {
    /// The engine of a mount: its own, or the broker's for a built-in mount.
    pub fn engine_of(&self, mount: &Mount) -> Option<OpenEngine> {
        if let Some(engine) = &mount.engine {
            return Some(engine.clone());
        }
        let (_, engine) = self.built_in.iter().find(|(kind, _)| *kind == mount.record.kind)?;
        Some(engine.clone())
    }
}
