//! The engine of the system mount, the services that it needs, and the version numbers that it reports.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::{
    barrier::Barrier,
    base::{random::Random, time::Time},
    contract::{BuiltInCall, RowFacts},
    services::{
        audit::Audit, lifecycle::Lifecycle, mounts::Mounts, policies::Policies, revocations::Revocations,
        tokens::Tokens,
    },
};

/// The system mount and the services that it needs.
pub struct System {
    pub(super) barrier: Arc<Barrier>,
    pub(super) audit: Audit,
    pub(super) lifecycle: Arc<Lifecycle>,
    pub(super) mounts: Mounts,
    pub(super) policies: Policies,
    pub(super) revocations: Revocations,
    pub(super) tokens: Tokens,
    pub(super) random: Random,
    /// Limits the log lines about what strangers send to a sealed server.
    pub(super) stranger_lines: OncePerSecond,
    /// The rows of `sys/`. The broker holds the engines of the built-in mounts, so their rows are kept here.
    pub(super) system_rows: Vec<Arc<RowFacts>>,
    /// The rows of `auth/token/`.
    pub(super) token_rows: Vec<Arc<RowFacts>>,
}

pub(super) type Sys = BuiltInCall<System>;

/// Says yes once in each second: strangers who send wrong shares must not fill the disk of the server's log.
#[derive(Default)]
pub struct OncePerSecond(AtomicI64);

impl OncePerSecond {
    pub(super) fn may(&self, now: Time) -> bool {
        self.0.swap(now.unix_secs(), Ordering::Relaxed) != now.unix_secs()
    }
}

/// The address of the caller, for the server's log.
pub(super) fn sender(call: &Sys) -> String {
    call.caller.address.map_or_else(|| String::from("unknown"), |address| address.to_string())
}

/// The Vault API level that clients see. The Terraform provider parses it as a semantic version and enables features by
/// it.
pub(super) const API_LEVEL: &str = "1.19.0";
/// Our own version.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
