//! Guard records: how a snapshot in memory becomes a precondition on disk.

use crate::{
    barrier::{BarrierError, Unit},
    services::tables::{CORE, GUARDS, Guard},
    store::Old,
};

/// Whose changes a guard counts.
#[derive(Clone, Copy)]
pub enum Kind {
    Mounts,
    Policies,
    Marks,
}

impl Kind {
    const fn key(self) -> &'static [u8; 1] {
        match self {
            Self::Mounts => b"m",
            Self::Policies => b"p",
            Self::Marks => b"k",
        }
    }
}

/// A snapshot's place in the history of its kind.
#[derive(Clone, Copy)]
pub struct Guarded {
    pub generation: u64,
    pub old: Old,
}

impl Default for Guarded {
    fn default() -> Self {
        Self { generation: 0, old: Old::Absent }
    }
}

/// Reads a guard.
pub fn load(unit: &Unit, name: Kind) -> Result<Guarded, BarrierError> {
    Ok(unit
        .get_tagged(&CORE, &GUARDS, name.key())?
        .map_or_else(Guarded::default, |(guard, tag)| Guarded { generation: guard.generation, old: Old::Tag(tag) }))
}

/// Rewrites a guard in this unit; gives the generation that begins with it.
pub fn advance(unit: &Unit, name: Kind) -> Result<u64, BarrierError> {
    let generation = unit.get(&CORE, &GUARDS, name.key())?.unwrap_or_default().generation.saturating_add(1);
    unit.put(&CORE, &GUARDS, name.key(), &Guard { generation })?;
    Ok(generation)
}

/// Makes it a precondition of the unit that the kind has not changed since the snapshot.
pub fn expect(unit: &Unit, name: Kind, guarded: &Guarded) -> Result<(), BarrierError> {
    unit.expect(&CORE, &GUARDS, name.key(), guarded.old)
}
