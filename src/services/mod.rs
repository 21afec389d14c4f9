//! The services: what the broker knows and does beyond a single mount. Each service owns its records, what
//! it holds of them in memory, and the only way to change them: a change stages the write, the version
//! guard and the effect on memory together.
//!
//! The pipeline has all services ([`Services`]); a built-in mount is handed those that it needs, by name.

pub mod access;
pub(crate) mod admission;
pub mod audit;
pub mod counts;
pub(crate) mod table_ids;
pub(crate) mod guards;
pub(crate) mod identity;
pub(crate) mod lifecycle;
pub(crate) mod mounts;
pub(crate) mod opened;
pub mod policies;
pub(crate) mod recorded;
pub(crate) mod revocations;
pub(crate) mod sweeper;
pub mod tokens;

use std::sync::Arc;

use crate::{
    barrier::Barrier,
    base::{random::Random, time::Clock},
    services::{
        admission::Admission, audit::Audit, counts::Counts, identity::Identity, lifecycle::Lifecycle, mounts::Mounts,
        policies::Policies, revocations::Revocations, tokens::Tokens,
    },
};

/// All services of one broker.
pub(crate) struct Services {
    pub barrier: Arc<Barrier>,
    pub audit: Audit,
    pub admission: Admission,
    pub counts: Counts,
    pub mounts: Mounts,
    pub policies: Policies,
    pub tokens: Tokens,
    pub revocations: Revocations,
    pub identity: Identity,
    pub lifecycle: Arc<Lifecycle>,
    pub clock: Clock,
    pub random: Random,
}
