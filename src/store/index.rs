//! The index, where records are looked up: in memory or in sled. Only the committer applies changes to it.

use super::{
    change::{Record, Slice, Summary},
    errors::StoreError,
    memory::MemoryIndex,
    sled::SledIndex,
    value::StoredValue,
};

pub(super) enum Index {
    Memory(MemoryIndex),
    #[cfg_attr(feature = "unflushed", expect(dead_code, reason = "the deferred index replaces it"))]
    Sled(SledIndex),
    #[cfg(feature = "unflushed")]
    Deferred(super::deferred::Deferred),
}

impl Index {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Memory(_) => "inmem",
            Self::Sled(_) => "sled",
            #[cfg(feature = "unflushed")]
            Self::Deferred(_) => "sled",
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<StoredValue>, StoreError> {
        match self {
            Self::Memory(index) => Ok(index.get(key)),
            Self::Sled(index) => index.get(key),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => index.get(key),
        }
    }

    pub(crate) fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Record>, StoreError> {
        match self {
            Self::Memory(index) => Ok(index.scan(from, to, limit)),
            Self::Sled(index) => index.scan(from, to, limit),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => index.scan(from, to, limit),
        }
    }

    pub(crate) fn keys(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        match self {
            Self::Memory(index) => Ok(index.keys(from, to, limit)),
            Self::Sled(index) => index.keys(from, to, limit),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => Ok(index.scan(from, to, limit)?.into_iter().map(|(key, _)| key).collect()),
        }
    }

    /// The summary of the value at `key`, without joining the value from chunks. `None` if the key is absent.
    pub(crate) fn peek(&self, key: &[u8]) -> Result<Option<Summary>, StoreError> {
        match self {
            Self::Memory(index) => Ok(index.peek(key)),
            Self::Sled(index) => index.peek(key),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => index.peek(key),
        }
    }

    pub(crate) fn apply(&self, slice: Slice) -> Result<(), StoreError> {
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

    /// Makes all applied changes durable. An error is final: the kernel may have dropped what it could not write, and a
    /// second sync would succeed without it.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Sled(index) => index.sync(),
            #[cfg(feature = "unflushed")]
            Self::Deferred(_) => Ok(()),
        }
    }

    /// Bytes that the index takes on disk. `None` for an index in memory, or if the size cannot be found out.
    pub(crate) fn size_bytes(&self) -> Option<u64> {
        match self {
            Self::Memory(_) => None,
            Self::Sled(index) => index.size_bytes(),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => index.size_bytes(),
        }
    }

    /// The path that has no room left for ordinary batches. `None` if there is room.
    pub(crate) fn lacks_room(&self) -> Option<String> {
        match self {
            Self::Memory(_) => None,
            Self::Sled(index) => index.lacks_room(),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => index.lacks_room(),
        }
    }

    /// Makes everything durable. Called by the committer at an orderly stop.
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Sled(index) => index.sync(),
            #[cfg(feature = "unflushed")]
            Self::Deferred(index) => index.close(),
        }
    }
}
