//! The mounts: their records, the table by which requests are routed, and the only way to change it. A change stages
//! the record, the version guard and the new table together.
//!
//! The built-in mounts (`sys/`, `auth/token/`) have records like all others, but the broker itself holds their engines:
//! if the table held them, it would keep alive what they hold.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use arc_swap::ArcSwap;

use crate::{
    barrier::{BarrierError, MountId, Table, Unit},
    base::{random::Random, ttl::Ttl},
    contract::{Host, Kind, MountFacts},
    services::{
        guards::{self, Registry, Version},
        opened::OpenEngine,
        table_ids::{self, CORE},
    },
};

/// Mount records by mount id.
const MOUNTS: Table<MountRecord> = Table::plain(table_ids::MOUNTS);

/// The stored record of a mount.
#[derive(minicbor::Encode, minicbor::Decode, Clone, PartialEq, Eq, Debug)]
pub(crate) struct MountRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: MountId,
    /// The path of the mount, with a trailing slash. That of an auth method begins with `auth/`.
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
    /// The lease time of tokens and secrets for which none is asked. Zero: that of the whole server.
    #[n(7)]
    pub default_ttl: Ttl,
    #[n(8)]
    pub max_ttl: Ttl,
    /// The token type that an auth method was given, in Vault's word. `None`: the default.
    #[n(9)]
    pub token_type: Option<String>,
    /// Where the mount is listed, in Vault's word. `None`: nothing was said.
    #[n(10)]
    pub listing_visibility: Option<String>,
}

impl MountRecord {
    /// The record of a new mount, with a random id and accessor.
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
            token_type: None,
            listing_visibility: None,
        }
    }
}

/// The lease times of the whole server, for mounts that have none of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemTtls {
    pub default_ttl: Ttl,
    pub max_ttl: Ttl,
}

/// A mount in use: its record and its opened engine or auth method.
pub(crate) struct Mount {
    pub record: MountRecord,
    pub facts: Arc<MountFacts>,
    /// The opened engine. `None` for a built-in mount.
    pub engine: Option<OpenEngine>,
}

impl Mount {
    pub fn new(record: MountRecord, engine: Option<OpenEngine>, system: &SystemTtls) -> Self {
        let max_ttl = record.max_ttl.or(system.max_ttl);
        let facts = MountFacts {
            id: record.id,
            path: record.path.clone(),
            kind: record.kind.clone(),
            accessor: record.accessor.clone(),
            default_ttl: record.default_ttl.or(system.default_ttl).min(max_ttl),
            max_ttl,
        };
        Self { record, facts: Arc::new(facts), engine }
    }

    /// Whether every broker has this mount, so that it can be neither enabled nor disabled.
    pub fn is_built_in(&self) -> bool {
        self.engine.is_none()
    }

    pub fn is_auth(&self) -> bool {
        self.record.path.starts_with("auth/")
    }
}

/// The mount table: all mounts, by path.
#[derive(Clone, Default)]
pub(crate) struct MountTable {
    pub version: Version,
    by_path: HashMap<String, Arc<Mount>>,
    is_open: bool,
}

/// The mount to which a request leads, and the path within it.
pub(crate) struct Located {
    pub mount: Arc<Mount>,
    /// The path within the mount, without slashes at its ends.
    pub rest: String,
    /// The whole path by which access is judged: the mount's path in its own spelling, then `rest`.
    pub full: String,
}

/// A mount path has at most this many segments; a longer one is refused.
pub(crate) const MOUNT_SEGMENTS_MAX: usize = 8;

impl MountTable {
    fn insert(&mut self, mount: Arc<Mount>) {
        self.by_path.insert(mount.record.path.trim_end_matches('/').to_owned(), mount);
    }

    fn remove(&mut self, path: &str) {
        self.by_path.remove(path.trim_end_matches('/'));
    }

    /// The table while the store is sealed. It has only the mount `sys/`.
    pub fn sealed(random: &Random, system: &SystemTtls) -> Self {
        let mut table = Self::default();
        let record = MountRecord::new("sys/", SYSTEM_KIND, "", random);
        table.insert(Arc::new(Mount::new(record, None, system)));
        table
    }

    /// The mount at exactly this path, with or without its trailing slash.
    pub fn at(&self, path: &str) -> Option<&Arc<Mount>> {
        self.by_path.get(path.trim_end_matches('/'))
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

    /// A mount whose path begins with `path`, or that `path` begins with. Two mounts must never overlap.
    pub fn overlapping(&self, path: &str) -> Option<&Arc<Mount>> {
        let wanted = format!("{}/", path.trim_end_matches('/'));
        self.by_path
            .values()
            .find(|mount| mount.record.path.starts_with(&wanted) || wanted.starts_with(&mount.record.path))
    }

    /// Finds the mount to which a decoded path belongs. The mount's part of the path is
    /// matched in lower case; the rest keeps its case.
    pub fn locate(&self, path: &str) -> Option<Located> {
        let mut end = 0;
        for (index, segment) in path.split('/').take(MOUNT_SEGMENTS_MAX + 1).enumerate() {
            end += segment.len() + usize::from(index > 0);
            let head = path.get(..end)?;
            let lowered = head.bytes().any(|byte| byte.is_ascii_uppercase()).then(|| head.to_ascii_lowercase());
            if let Some(mount) = self.by_path.get(lowered.as_deref().unwrap_or(head)) {
                let rest = path.get(end + 1..).unwrap_or("");
                let full = format!("{}{rest}", mount.record.path);
                return Some(Located { mount: Arc::clone(mount), rest: rest.to_owned(), full });
            }
        }
        None
    }
}

/// The kinds of the built-in mounts.
pub(crate) const SYSTEM_KIND: &str = "system";
pub(crate) const TOKEN_KIND: &str = "token";

/// Stores the records of the built-in mounts in a new store.
pub(crate) fn seed(unit: &Unit, random: &Random) -> Result<(), BarrierError> {
    for (path, kind, description) in [
        ("sys/", SYSTEM_KIND, "system endpoints used for control, policy and debugging"),
        ("auth/token/", TOKEN_KIND, "token based credentials"),
    ] {
        let record = MountRecord::new(path, kind, description, random);
        guards::advance(unit, Registry::Mounts)?;
        unit.put(&CORE, &MOUNTS, &record.id, &record)?;
    }
    Ok(())
}

/// The service of mounts: the mount table, and what is needed to open a mount. Clones share them.
#[derive(Clone)]
pub(crate) struct Mounts {
    current: Arc<ArcSwap<MountTable>>,
    kinds: &'static [Kind],
    host: Host,
    system: SystemTtls,
}

impl Mounts {
    pub fn new(kinds: &'static [Kind], host: Host, system: SystemTtls) -> Self {
        Self { current: Arc::default(), kinds, host, system }
    }

    /// Opens every mount. A mount is left out if its record cannot be read or if this version does not
    /// have its kind; the store opens without it.
    pub async fn load(&self, unit: &Unit) -> Result<(), crate::contract::Error> {
        let version = guards::load(unit, Registry::Mounts)?;
        let mut table = MountTable { version, is_open: true, ..MountTable::default() };
        for (id, record) in unit.scan_each(&CORE, &MOUNTS, &[])? {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let id = data_encoding::HEXLOWER.encode(&id);
                    tracing::error!(%error, id, "the record of a mount cannot be read: the mount is left out");
                    continue;
                }
            };
            let engine = if [SYSTEM_KIND, TOKEN_KIND].contains(&record.kind.as_str()) {
                None
            } else if let Some(kind) = self.kinds.iter().find(|kind| kind.name == record.kind) {
                Some(OpenEngine::open(kind, self.host.clone()).await?)
            } else {
                let (path, kind) = (record.path, record.kind);
                tracing::error!(path, kind, "a mount is of a kind that this version does not have; it is left out");
                continue;
            };
            table.insert(Arc::new(Mount::new(record, engine, &self.system)));
        }
        self.current.store(Arc::new(table));
        Ok(())
    }

    pub fn forget(&self) {
        self.current.store(Arc::default());
    }

    pub fn snapshot(&self) -> Arc<MountTable> {
        self.current.load_full()
    }

    /// The kinds of engines and auth methods that can be enabled.
    pub fn kinds(&self) -> &'static [Kind] {
        self.kinds
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    pub fn system_ttls(&self) -> &SystemTtls {
        &self.system
    }

    /// Opens a mount of this kind and adds it to the table.
    pub async fn enable(&self, unit: &Unit, record: MountRecord, kind: &Kind) -> Result<(), crate::contract::Error> {
        let engine = OpenEngine::open(kind, self.host.clone()).await?;
        Ok(self.save(unit, Mount::new(record, Some(engine), &self.system))?)
    }

    /// Replaces the record of an enabled mount.
    pub fn change(&self, unit: &Unit, mount: &Mount, record: MountRecord) -> Result<(), BarrierError> {
        self.save(unit, Mount::new(record, mount.engine.clone(), &self.system))
    }

    fn save(&self, unit: &Unit, mount: Mount) -> Result<(), BarrierError> {
        let next = guards::advance(unit, Registry::Mounts)?;
        unit.put(&CORE, &MOUNTS, &mount.record.id, &mount.record)?;
        let (service, mount) = (self.clone(), Arc::new(mount));
        unit.after_commit(move |_| service.change_table(&next, |table| table.insert(Arc::clone(&mount))));
        Ok(())
    }

    /// Removes a mount from the table. The caller's revocation marker makes everything unusable that the mount keeps.
    pub fn disable(&self, unit: &Unit, mount: &Mount) -> Result<(), BarrierError> {
        let next = guards::advance(unit, Registry::Mounts)?;
        unit.delete(&CORE, &MOUNTS, &mount.record.id)?;
        let (service, path) = (self.clone(), mount.record.path.clone());
        unit.after_commit(move |_| service.change_table(&next, |table| table.remove(&path)));
        Ok(())
    }

    /// Changes the table, unless the store is sealed: then the table stays empty,
    /// even if a commit finishes after the seal.
    fn change_table(&self, next: &guards::NextVersion, change: impl Fn(&mut MountTable)) {
        self.current.rcu(|table| {
            if !table.is_open {
                return Arc::clone(table);
            }
            let mut changed = MountTable::clone(table);
            changed.version = next.committed();
            change(&mut changed);
            Arc::new(changed)
        });
    }
}
