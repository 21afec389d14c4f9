//! The index that forgets: an ordered map in memory, for tests and `dev`. A slice becomes visible at once.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use super::{
    index::{Birth, Record, Seen, Slice},
    value::{Value, tag_of},
};

#[derive(Default)]
pub(super) struct MemoryIndex {
    records: RwLock<BTreeMap<Vec<u8>, Arc<[u8]>>>,
}

impl MemoryIndex {
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.read().get(key).map(|bytes| Value::shared(Arc::clone(bytes)))
    }

    pub fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<Record> {
        if from >= to {
            return Vec::new();
        }
        let records = self.read();
        let range = records.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        range.take(limit).map(|(key, bytes)| (key.clone(), Value::shared(Arc::clone(bytes)))).collect()
    }

    pub fn keys(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<Vec<u8>> {
        if from >= to {
            return Vec::new();
        }
        let records = self.read();
        let range = records.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        range.take(limit).map(|(key, _)| key.clone()).collect()
    }

    pub fn peek(&self, key: &[u8]) -> Option<Seen> {
        let records = self.read();
        records.get(key).map(|bytes| Seen { tag: tag_of(bytes), len_bytes: bytes.len(), born: Birth::default() })
    }

    pub fn apply(&self, slice: Slice) {
        // A panic elsewhere cannot leave the map half changed: no code of others runs under this lock.
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
