//! Version guards: how a registry that is held in memory becomes a precondition on disk.
//!
//! A registry (mounts, policies, revocation markers) has one guard record. Every change of the registry rewrites it, and
//! every request that changes something has the guard that it was judged by as a precondition. So a request that was
//! judged by an older registry meets a conflict and is judged again.

use crate::{
    barrier::{BarrierError, Table, Unit, WrittenTag},
    services::table_ids::{self, CORE},
    store::Old,
};

/// Whose changes a guard counts.
#[derive(Clone, Copy)]
pub(crate) enum Registry {
    Mounts,
    Policies,
    Revocations,
}

impl Registry {
    const fn key(self) -> &'static [u8; 1] {
        match self {
            Self::Mounts => b"m",
            Self::Policies => b"p",
            Self::Revocations => b"k",
        }
    }
}

/// Counts the changes of one registry.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Copy, Default)]
struct Guard {
    #[n(0)]
    generation: u64,
}

const GUARDS: Table<Guard> = Table::plain(table_ids::GUARDS);

/// The version of a registry in memory: how many changes it has seen, and the state of its guard record.
#[derive(Clone, Copy)]
pub(crate) struct Version {
    pub generation: u64,
    old: Old,
}

impl Default for Version {
    fn default() -> Self {
        Self { generation: 0, old: Old::Absent }
    }
}

/// The version that a registry will have once the unit commits.
pub(crate) struct NextVersion {
    pub generation: u64,
    tag: WrittenTag,
}

impl NextVersion {
    /// To be called in the effect of the commit.
    pub fn committed(&self) -> Version {
        Version { generation: self.generation, old: self.tag.old() }
    }
}

pub(crate) fn load(unit: &Unit, registry: Registry) -> Result<Version, BarrierError> {
    Ok(unit
        .get_tagged(&CORE, &GUARDS, registry.key())?
        .map_or_else(Version::default, |(guard, tag)| Version { generation: guard.generation, old: Old::Tag(tag) }))
}

/// Rewrites the guard in this unit.
pub(crate) fn advance(unit: &Unit, registry: Registry) -> Result<NextVersion, BarrierError> {
    let generation = unit.get(&CORE, &GUARDS, registry.key())?.unwrap_or_default().generation.saturating_add(1);
    let tag = unit.put(&CORE, &GUARDS, registry.key(), &Guard { generation })?;
    Ok(NextVersion { generation, tag })
}

/// Makes it a precondition of the unit that the registry has not changed since this version.
pub(crate) fn expect(unit: &Unit, registry: Registry, version: &Version) -> Result<(), BarrierError> {
    unit.expect(&CORE, &GUARDS, registry.key(), version.old)
}
