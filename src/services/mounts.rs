//! What is mounted where: the records, and the table that requests are located by. The table is a snapshot; each change
//! rewrites the mounts guard, and everything that commits has the guard it was located by as a precondition.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    barrier::{BarrierError, MountId, Unit},
    base::{path::CanonicalPath, random::Random, ttl::Ttl},
    contract::{Host, Kind, MountFacts, Mounted},
    services::{
        guards::{self, Guarded},
        tables::{CORE, MOUNTS},
    },
};

/// A mount as it is stored.
#[derive(minicbor::Encode, minicbor::Decode, Clone, PartialEq, Eq, Debug)]
pub struct MountRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: MountId,
    /// With a trailing slash; `auth/` before it for auth methods.
    #[n(1)]
    pub path: String,
    #[n(2)]
    pub kind: String,
    #[n(3)]
    pub description: String,
    #[n(4)]
    pub accessor: String,
    #[n(5)]
    pub uuid: String,
    #[n(6)]
    pub options: BTreeMap<String, String>,
    /// Zero: the system's.
    #[n(7)]
    pub default_ttl: Ttl,
    #[n(8)]
    pub max_ttl: Ttl,
}

impl MountRecord {
    /// A new mount with fresh identities.
    pub fn new(path: &str, kind: &str, description: &str, random: &Random) -> Self {
        let id: MountId = random.bytes();
        let family = if path.starts_with("auth/") { "auth_" } else { "" };
        let accessor = format!("{family}{kind}_{}", data_encoding::HEXLOWER.encode(&random.bytes::<4>()));
        Self {
            id,
            path: path.to_owned(),
            kind: kind.to_owned(),
            description: description.to_owned(),
            accessor,
            uuid: random.uuid().to_string(),
            options: BTreeMap::new(),
            default_ttl: Ttl::ZERO,
            max_ttl: Ttl::ZERO,
        }
    }
}

/// The lease times of the whole server.
#[derive(Clone, Copy, Debug)]
pub struct SystemTtls {
    pub default_ttl: Ttl,
    pub max_ttl: Ttl,
}

/// A mount in use.
pub struct Mount {
    pub record: MountRecord,
    pub facts: Arc<MountFacts>,
    pub opened: Arc<dyn Mounted>,
}

impl Mount {
    pub fn new(record: MountRecord, opened: Arc<dyn Mounted>, system: &SystemTtls) -> Self {
        let max_ttl = record.max_ttl.or(system.max_ttl);
        let facts = MountFacts {
            id: record.id,
            path: record.path.clone(),
            kind: record.kind.clone(),
            accessor: record.accessor.clone(),
            default_ttl: record.default_ttl.or(system.default_ttl).min(max_ttl),
            max_ttl,
        };
        Self { record, facts: Arc::new(facts), opened }
    }

    pub fn is_auth(&self) -> bool {
        self.record.path.starts_with("auth/")
    }
}

/// All mounts, by path.
#[derive(Clone, Default)]
pub struct MountTable {
    pub guarded: Guarded,
    by_path: HashMap<String, Arc<Mount>>,
}

/// Where a request leads.
pub struct Located {
    pub mount: Arc<Mount>,
    /// The path within the mount, without slashes at its ends.
    pub rest: String,
    /// The whole path as access is judged by it: the mount's own spelling, then the rest.
    pub full: String,
}

/// Segments that a mount path may have.
pub const MOUNT_SEGMENTS_MAX: usize = 8;

impl MountTable {
    /// Opens what is stored; `builtin` supplies the mounts that every broker has.
    pub async fn load(
        unit: &Unit,
        kinds: &[Kind],
        host: &Host,
        system: &SystemTtls,
        builtin: &[(&str, Arc<dyn Mounted>)],
    ) -> Result<Self, crate::contract::Error> {
        let mut table = Self { guarded: guards::load(unit, guards::Kind::Mounts)?, by_path: HashMap::new() };
        for (_, record) in unit.scan(&CORE, &MOUNTS, &[], &[], usize::MAX)? {
            let opened = if let Some((_, opened)) = builtin.iter().find(|(path, _)| *path == record.path) {
                Arc::clone(opened)
            } else if let Some(kind) = kinds.iter().find(|kind| kind.name == record.kind) {
                kind.open(host.clone()).await?
            } else {
                let (path, kind) = (record.path, record.kind);
                tracing::error!(path, kind, "a mount is of a kind that this version does not have; it is left out");
                continue;
            };
            table.insert(Mount::new(record, opened, system));
        }
        Ok(table)
    }

    pub fn insert(&mut self, mount: Mount) {
        self.by_path.insert(mount.record.path.trim_end_matches('/').to_owned(), Arc::new(mount));
    }

    pub fn remove(&mut self, path: &str) {
        self.by_path.remove(path.trim_end_matches('/'));
    }

    /// The mount at exactly this path, with or without its trailing slash.
    pub fn at(&self, path: &str) -> Option<&Arc<Mount>> {
        self.by_path.get(path.trim_end_matches('/'))
    }

    pub fn by_accessor(&self, accessor: &str) -> Option<&Arc<Mount>> {
        self.by_path.values().find(|mount| mount.record.accessor == accessor)
    }

    pub fn by_id(&self, id: &MountId) -> Option<&Arc<Mount>> {
        self.by_path.values().find(|mount| mount.record.id == *id)
    }

    /// All mounts in the order of their paths.
    pub fn all(&self) -> Vec<&Arc<Mount>> {
        let mut all: Vec<_> = self.by_path.values().collect();
        all.sort_by(|a, b| a.record.path.cmp(&b.record.path));
        all
    }

    /// A mount whose path begins with this one or the other way round: two mounts never overlap.
    pub fn overlapping(&self, path: &str) -> Option<&Arc<Mount>> {
        let wanted = format!("{}/", path.trim_end_matches('/'));
        self.by_path
            .values()
            .find(|mount| mount.record.path.starts_with(&wanted) || wanted.starts_with(&mount.record.path))
    }

    /// Finds the mount under which a path lies. Names of mounts are lower-cased here; the rest keeps its case.
    pub fn locate(&self, path: &CanonicalPath) -> Option<Located> {
        let mut end = 0;
        for (index, segment) in path.segments().take(MOUNT_SEGMENTS_MAX + 1).enumerate() {
            end += segment.len() + usize::from(index > 0);
            let head = path.joined().get(..end)?;
            let lowered = head.bytes().any(|byte| byte.is_ascii_uppercase()).then(|| head.to_ascii_lowercase());
            if let Some(mount) = self.by_path.get(lowered.as_deref().unwrap_or(head)) {
                let rest = path.tail(index + 1);
                let full = format!("{}{rest}", mount.record.path);
                return Some(Located { mount: Arc::clone(mount), rest: rest.to_owned(), full });
            }
        }
        None
    }
}

/// Writes a mount's record and the guard.
pub fn save(unit: &Unit, record: &MountRecord) -> Result<(), BarrierError> {
    guards::advance(unit, guards::Kind::Mounts)?;
    unit.put(&CORE, &MOUNTS, &record.id, record)
}

/// Deletes a mount's record and rewrites the guard.
pub fn forget(unit: &Unit, id: &MountId) -> Result<(), BarrierError> {
    guards::advance(unit, guards::Kind::Mounts)?;
    unit.delete(&CORE, &MOUNTS, id)
}
