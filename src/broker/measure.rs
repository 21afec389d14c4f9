//! The measurements of the broker: numbers about all of its work, none about a single caller, path or mount.

use crate::{
    broker::{Broker, KINDS, Readiness},
    services::{
        audit::AuditMeasurements,
        counts::RequestCounts,
        mounts::{SYSTEM_KIND, TOKEN_KIND},
    },
    store::StoreMeasurements,
};

/// The numbers at one moment. They are the same whether the store is sealed or not, apart from
/// what is in memory only while it is open.
pub struct Measurements {
    pub readiness: Readiness,
    pub requests: RequestCounts,
    pub requests_under_way: usize,
    pub audit: AuditMeasurements,
    pub store: StoreMeasurements,
    /// The number of mounts of each kind.
    pub mounts: Vec<(&'static str, usize)>,
    pub cached_tokens: usize,
    pub revocation_markers: usize,
}

impl Broker {
    /// Takes the measurements. Asks the file system for sizes, and may block for as long as that takes.
    pub fn measure(&self) -> Measurements {
        let services = &self.shared.services;
        let table = services.mounts.snapshot();
        let mounts = table.all();
        let kinds = [SYSTEM_KIND, TOKEN_KIND].into_iter().chain(KINDS.iter().map(|kind| kind.name));
        let count = |kind: &'static str| (kind, mounts.iter().filter(|mount| mount.record.kind == kind).count());
        Measurements {
            readiness: self.readiness(),
            requests: services.counts.read(),
            requests_under_way: services.admission.under_way(),
            audit: services.audit.measure(),
            store: services.barrier.store().measure(),
            mounts: kinds.map(count).collect(),
            cached_tokens: services.tokens.cached(),
            revocation_markers: services.revocations.snapshot().count(),
        }
    }
}
