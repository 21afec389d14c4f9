//! The index in memory, for tests and `dev`: an ordered map. A slice becomes visible at once.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use super::{
    change::{Record, Slice, Summary, WriteId},
    tag::tag_of,
    value::StoredValue,
};

#[derive(Default)]
pub(super) struct MemoryIndex {
    records: RwLock<BTreeMap<Vec<u8>, Arc<[u8]>>>,
}

impl MemoryIndex {
    pub(crate) fn get(&self, key: &[u8]) -> Option<StoredValue> {
        self.read().get(key).map(|bytes| StoredValue::shared(Arc::clone(bytes)))
    }

    pub(crate) fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<Record> {
        if from >= to {
            return Vec::new();
        }
        let records = self.read();
        let range = records.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        range.take(limit).map(|(key, bytes)| (key.clone(), StoredValue::shared(Arc::clone(bytes)))).collect()
    }

    pub(crate) fn keys(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<Vec<u8>> {
        if from >= to {
            return Vec::new();
        }
        let records = self.read();
        let range = records.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        range.take(limit).map(|(key, _)| key.clone()).collect()
    }

    pub(crate) fn peek(&self, key: &[u8]) -> Option<Summary> {
        let records = self.read();
        records.get(key).map(|bytes| Summary {
            tag: tag_of(bytes),
            len_bytes: bytes.len(),
            made_by: WriteId::default(),
        })
    }

    pub(crate) fn apply(&self, slice: Slice) {
        // A poisoned lock still guards a whole map, because no foreign code runs while it is held.
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        for change in slice.changes {
            match change.new {
                Some(bytes) => records.insert(change.key, Arc::from(bytes)),
                None => records.remove(&change.key),
            };
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<Vec<u8>, Arc<[u8]>>> {
        self.records.read().unwrap_or_else(PoisonError::into_inner)
    }
}
