//! Where records are looked up: the closed set of indexes behind the one committer. Only the committer applies.

use super::{batch::Sequence, batch::Tag, errors::StoreError, memory::MemoryIndex, sled::SledIndex, value::Value};
use crate::base::time::Time;

/// A key with its value, as a scan answers them.
pub(super) type Record = (Vec<u8>, Value);

pub(super) enum Index {
    Memory(MemoryIndex),
    #[cfg_attr(feature = "unflushed", expect(dead_code, reason = "the deferred form stands in its place"))]
    Sled(SledIndex),
    #[cfg(feature = "unflushed")]
    Deferred(super::deferred::Deferred),
}

/// What stands at a key, as far as a precondition and the next write need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub tag: Tag,
    pub len_bytes: usize,
    /// The write that put it there.
    pub born: Birth,
}

/// Names one write for good: the sequence of its batch and its place in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Birth {
    pub sequence: u64,
    pub place: u32,
}

/// One accepted write.
pub(super) struct Change {
    pub key: Vec<u8>,
    pub before: Option<Seen>,
    pub new: Option<Vec<u8>>,
    pub born: Birth,
}

/// Whole batches that are shown to readers together.
#[derive(Default)]
pub(super) struct Slice {
    pub changes: Vec<Change>,
    /// Of the last batch in it.
    pub sequence: Sequence,
    pub time: Time,
}

impl Index {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Memory(_) => "inmem",
            Self::Sled(_) => "sled",
            #[cfg(feature = "unflushed")]
            Self::Deferred(_) => "sled",
        }
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        match self {
            Self::Memory(index) => Ok(index.get(key)),
            Self::Sled(index) => index.get(key),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => index.get(key),
        }
    }

    pub fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Record>, StoreError> {
        match self {
            Self::Memory(index) => Ok(index.scan(from, to, limit)),
            Self::Sled(index) => index.scan(from, to, limit),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => index.scan(from, to, limit),
        }
    }

    pub fn keys(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        match self {
            Self::Memory(index) => Ok(index.keys(from, to, limit)),
            Self::Sled(index) => index.keys(from, to, limit),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => Ok(index.scan(from, to, limit)?.into_iter().map(|(key, _)| key).collect()),
        }
    }

    /// What stands at `key`, without reading a big value.
    pub fn peek(&self, key: &[u8]) -> Result<Option<Seen>, StoreError> {
        match self {
            Self::Memory(index) => Ok(index.peek(key)),
            Self::Sled(index) => index.peek(key),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => index.peek(key),
        }
    }

    pub fn apply(&self, slice: Slice) -> Result<(), StoreError> {
        match self {
            Self::Memory(index) => {
                index.apply(slice);
                Ok(())
            }
            Self::Sled(index) => index.apply(slice),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => index.apply(slice),
        }
    }

    /// Makes what was applied durable. An error is final: what the disk holds is not known, and a second sync would
    /// not tell.
    pub fn sync(&self) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Sled(index) => index.sync(),
            #[cfg(feature = "unflushed")]
            Self::Deferred(_) => Ok(()),
        }
    }

    /// The path that has no room for ordinary batches, if there is one.
    pub fn lacks_room(&self) -> Option<String> {
        match self {
            Self::Memory(_) => None,
            Self::Sled(index) => index.lacks_room(),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => index.lacks_room(),
        }
    }

    /// Last act of the committer after an orderly stop.
    pub fn close(&self) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Sled(index) => index.sync(),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => index.close(),
        }
    }
}
