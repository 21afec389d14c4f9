//! Version guards: they make the state of a registry in memory a precondition on disk.
//!
//! A registry (mounts, policies, revocation markers) has one guard record. Every change of the registry rewrites it.
//! Every request that changes something has the guard record that it was judged under as a precondition. So a request
//! that was judged by an older state of the registry fails with a conflict and is judged again.

use crate::{
    barrier::{BarrierError, Table, Unit, WrittenTag},
    services::table_ids::{self, CORE},
    store::Old,
};

/// A registry whose changes a guard record counts.
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

/// A guard record: the number of changes of one registry.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Copy, Default)]
struct Guard {
    #[n(0)]
    generation: u64,
}

const GUARDS: Table<Guard> = Table::plain(table_ids::GUARDS);

/// The version of a registry in memory: how many changes it has seen, and which
/// state of its guard record belongs to it.
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
    /// The version of the registry after the commit. Must be called in the effect of the commit.
    pub fn committed(&self) -> Version {
        Version { generation: self.generation, old: self.tag.old() }
    }
}

pub(crate) fn load(unit: &Unit, registry: Registry) -> Result<Version, BarrierError> {
    Ok(unit
        .get_tagged(&CORE, &GUARDS, registry.key())?
        .map_or_else(Version::default, |(guard, tag)| Version { generation: guard.generation, old: Old::Tag(tag) }))
}

/// Rewrites the registry's guard record in this unit of work.
pub(crate) fn advance(unit: &Unit, registry: Registry) -> Result<NextVersion, BarrierError> {
    let generation = unit.get(&CORE, &GUARDS, registry.key())?.unwrap_or_default().generation.saturating_add(1);
    let tag = unit.put(&CORE, &GUARDS, registry.key(), &Guard { generation })?;
    Ok(NextVersion { generation, tag })
}

/// Adds a precondition to the unit of work: the registry has not changed since `version`.
pub(crate) fn expect(unit: &Unit, registry: Registry, version: &Version) -> Result<(), BarrierError> {
    unit.expect(&CORE, &GUARDS, registry.key(), version.old)
}
