//! Bulk revocation: one small commit writes a mark and everything under it is dead at once, because look-ups ask the
//! few live marks; the sweeper deletes what is dead and removes the mark last. A mark made at generation `g` kills
//! what was stamped before `g` and nothing newer, and whatever creates something has the generation that it was judged
//! under as a precondition: nothing judged before a mark can still commit under it.

use std::collections::{HashMap, HashSet};

use crate::{
    barrier::{BarrierError, MountId, Unit},
    services::{
        guards::{self, Guarded},
        tables::{CORE, MARKS},
    },
};

/// What is dead.
#[derive(minicbor::Encode, minicbor::Decode, Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The generation that began with it.
    #[n(0)]
    pub generation: u64,
    #[n(1)]
    pub what: Marked,
}

#[derive(minicbor::Encode, minicbor::Decode, Clone, PartialEq, Eq, Debug)]
pub enum Marked {
    /// A token and all that descend from it, by its hash.
    #[n(0)]
    Tree(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]),
    /// Everything that a mount keeps, and every token that it gave out.
    #[n(1)]
    Mount(#[cbor(n(0), with = "minicbor::bytes")] MountId),
}

/// The live marks as one snapshot.
#[derive(Default, Clone)]
pub struct Marks {
    pub guarded: Guarded,
    trees: HashMap<[u8; 32], u64>,
    mounts: HashSet<MountId>,
}

impl Marks {
    /// Reads the live marks.
    pub fn load(unit: &Unit) -> Result<Self, BarrierError> {
        let mut marks = Self { guarded: guards::load(unit, guards::Kind::Marks)?, ..Self::default() };
        for (_, mark) in unit.scan(&CORE, &MARKS, &[], &[], usize::MAX)? {
            match mark.what {
                Marked::Tree(hash) => {
                    marks.trees.insert(hash, mark.generation);
                }
                Marked::Mount(id) => {
                    marks.mounts.insert(id);
                }
            }
        }
        Ok(marks)
    }

    /// Whether a token is dead: by a mark on itself or an ancestor that is newer than it, or on its mount.
    pub fn kill<'a>(&self, stamp: u64, line: impl IntoIterator<Item = &'a [u8; 32]>, mount: Option<&MountId>) -> bool {
        if self.trees.is_empty() && self.mounts.is_empty() {
            return false;
        }
        mount.is_some_and(|id| self.mounts.contains(id))
            || line.into_iter().any(|hash| self.trees.get(hash).is_some_and(|generation| stamp < *generation))
    }

    pub fn generation(&self) -> u64 {
        self.guarded.generation
    }

    pub fn is_empty(&self) -> bool {
        self.trees.is_empty() && self.mounts.is_empty()
    }
}

/// Adds a mark to the unit; the caller adds the effect that reloads the snapshot.
pub fn add(unit: &Unit, what: Marked) -> Result<(), BarrierError> {
    let generation = guards::advance(unit, guards::Kind::Marks)?;
    unit.urgent();
    unit.create(&CORE, &MARKS, &generation.to_be_bytes(), &Mark { generation, what })
}

/// The marks on disk, oldest first.
pub fn all(unit: &Unit) -> Result<Vec<Mark>, BarrierError> {
    Ok(unit.scan(&CORE, &MARKS, &[], &[], usize::MAX)?.into_iter().map(|(_, mark)| mark).collect())
}
