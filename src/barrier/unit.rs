//! The unit of work of one request. It remembers what the request reads and gathers what it writes, and one batch
//! commits everything or nothing. What was read becomes a precondition of the commit, so a request never acts on a
//! record that has changed since; the caller of [`Unit::commit`] then gets [`BarrierError::Conflict`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use zeroize::Zeroizing;

use crate::{
    barrier::{
        errors::BarrierError,
        keys::Keys,
        listing::{Listing, Page},
        record_key::{self, MountId, RecordKey},
        record_name::RecordName,
        table::{Name, Record, Table},
    },
    store::{Batch, Check, Effect, Old, Sequence, Store, StoredValue, Tag, Write},
};

/// The unit of work of one request: what it has read, and what it will write.
pub struct Unit {
    keys: Arc<Keys>,
    store: Store,
    request: [u8; 16],
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seen: BTreeMap<Vec<u8>, Old>,
    writes: BTreeMap<Vec<u8>, Pending>,
    effects: Vec<Effect>,
    is_urgent: bool,
    is_stale: bool,
}

enum Pending {
    Put(RecordKey, Zeroizing<Vec<u8>>, WrittenTag),
    Delete,
}

/// The tag of a record that a unit writes. It is known once the unit commits, so the effects of the commit can read it.
#[derive(Clone, Default)]
pub(crate) struct WrittenTag(Arc<OnceLock<Tag>>);

impl WrittenTag {
    /// The state of the record after the commit. Before the commit it is `Absent`.
    pub fn old(&self) -> Old {
        self.0.get().map_or(Old::Absent, |tag| Old::Tag(*tag))
    }
}

/// The sealed writes of a unit, as keys and values: the first batch of a new store.
pub type Staged = Vec<(Vec<u8>, Vec<u8>)>;

impl Unit {
    pub(crate) fn new(keys: Arc<Keys>, store: Store, request: [u8; 16]) -> Self {
        Self { keys, store, request, state: Mutex::default() }
    }

    pub(crate) fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key<'k, T>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<RecordName<'k>>,
    ) -> Result<RecordKey, BarrierError> {
        self.keys.record_key(mount, table.id, table.form, &name.into())
    }

    /// The record of that name, with this unit's own writes. `None` if there is no such record.
    pub(crate) fn get<'k, T: Record>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<RecordName<'k>>,
    ) -> Result<Option<T>, BarrierError> {
        let key = self.key(mount, table, name)?;
        match self.state().writes.get(key.as_bytes()) {
            Some(Pending::Put(_, plain, _)) => return decode(&key, plain).map(Some),
            Some(Pending::Delete) => return Ok(None),
            None => {}
        }
        Ok(self.fetch(&key)?.map(|(record, _)| record))
    }

    /// The record of that name in the store, with its tag. This unit's own writes do not count.
    pub(crate) fn get_tagged<'k, T: Record>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<RecordName<'k>>,
    ) -> Result<Option<(T, Tag)>, BarrierError> {
        self.fetch(&self.key(mount, table, name)?)
    }

    fn fetch<T: Record>(&self, key: &RecordKey) -> Result<Option<(T, Tag)>, BarrierError> {
        let value = self.store.get(key.as_bytes())?;
        let old = Old::of(value.as_deref());
        self.remember(key.as_bytes(), old)?;
        let (Some(value), Old::Tag(tag)) = (value, old) else { return Ok(None) };
        let plain = self.keys.open_record(key, value.as_ref())?;
        Ok(Some((decode(key, &plain)?, tag)))
    }

    /// Whether a record of that name exists, with this unit's own writes. The record is not opened.
    pub(crate) fn has<'k, T>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<RecordName<'k>>,
    ) -> Result<bool, BarrierError> {
        let key = self.key(mount, table, name)?;
        match self.state().writes.get(key.as_bytes()) {
            Some(Pending::Put(..)) => return Ok(true),
            Some(Pending::Delete) => return Ok(false),
            None => {}
        }
        Ok(self.old_state(key.as_bytes())? != Old::Absent)
    }

    /// Writes a record in place of whatever has its name. Returns the tag that the record will have after the commit.
    pub(crate) fn put<'k, T: Record>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<RecordName<'k>>,
        record: &T,
    ) -> Result<WrittenTag, BarrierError> {
        let key = self.key(mount, table, name)?;
        self.old_state(key.as_bytes())?;
        self.stage(key, record)
    }

    /// Writes a record that must not exist yet. If it exists, the commit fails with a conflict. For random names.
    pub(crate) fn create<'k, T: Record>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<RecordName<'k>>,
        record: &T,
    ) -> Result<(), BarrierError> {
        let key = self.key(mount, table, name)?;
        self.state().seen.entry(key.as_bytes().to_vec()).or_insert(Old::Absent);
        self.stage(key, record)?;
        Ok(())
    }

    /// Deletes a record. Does nothing if it does not exist.
    pub(crate) fn delete<'k, T>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<RecordName<'k>>,
    ) -> Result<(), BarrierError> {
        let key = self.key(mount, table, name)?;
        self.delete_key(key.as_bytes())
    }

    /// Deletes the record at a full key of the store. For sweeps.
    pub(crate) fn delete_key(&self, key: &[u8]) -> Result<(), BarrierError> {
        let old = self.old_state(key)?;
        let mut state = self.state();
        if old == Old::Absent {
            state.writes.remove(key);
        } else {
            state.writes.insert(key.to_vec(), Pending::Delete);
        }
        Ok(())
    }

    fn stage<T: Record>(&self, key: RecordKey, record: &T) -> Result<WrittenTag, BarrierError> {
        let mut plain = Zeroizing::new(Vec::with_capacity(256));
        minicbor::encode(record, &mut *plain).map_err(|_| BarrierError::TooLarge)?;
        let tag = WrittenTag::default();
        self.state().writes.insert(key.as_bytes().to_vec(), Pending::Put(key, plain, tag.clone()));
        Ok(tag)
    }

    /// The state of a key in the store when this unit saw it first.
    fn old_state(&self, key: &[u8]) -> Result<Old, BarrierError> {
        if let Some(old) = self.state().seen.get(key) {
            return Ok(*old);
        }
        let old = Old::of(self.store.get(key)?.as_deref());
        self.remember(key, old)?;
        Ok(old)
    }

    /// Remembers the state of a key. Fails with a conflict if this unit saw the key in another state before.
    fn remember(&self, key: &[u8], old: Old) -> Result<(), BarrierError> {
        let is_same = *self.state().seen.entry(key.to_vec()).or_insert(old) == old;
        if is_same { Ok(()) } else { Err(self.conflict()) }
    }

    /// Declares that something that this unit read has changed since, and returns the error for it. The pipeline
    /// performs the request again on a fresh unit.
    pub(crate) fn conflict(&self) -> BarrierError {
        self.state().is_stale = true;
        BarrierError::Conflict
    }

    /// Whether this unit has found that something that it read has changed since.
    pub(crate) fn is_stale(&self) -> bool {
        self.state().is_stale
    }

    /// Adds a precondition: the record must still be in the state `old`, in which a cache or a snapshot has it.
    pub(crate) fn expect<'k, T>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<RecordName<'k>>,
        old: Old,
    ) -> Result<(), BarrierError> {
        let key = self.key(mount, table, name)?;
        self.remember(key.as_bytes(), old)
    }

    /// Adds a function to run after the commit and before the answer. Caches learn of a change in this way.
    pub(crate) fn after_commit(&self, effect: impl FnOnce(Sequence) + Send + 'static) {
        self.state().effects.push(Box::new(effect));
    }

    /// Lets the commit use the reserved disk space. For requests that free space, revoke or seal.
    pub(crate) fn urgent(&self) {
        self.state().is_urgent = true;
    }

    /// Whether there is something to commit.
    pub(crate) fn writes_something(&self) -> bool {
        !self.state().writes.is_empty()
    }

    /// A page of the names directly below `folder` in the store, in order. This unit's own writes do not count. Looks
    /// at every name of the folder, but holds no more than the page in memory. Blocks for the whole walk.
    pub(crate) fn names<T>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        folder: &[&str],
        page: Page<'_>,
    ) -> Result<Vec<Name>, BarrierError> {
        self.listing(mount, table.id, folder)?.page(page)
    }

    fn listing<'u>(&'u self, mount: &'u MountId, table: u8, folder: &[&str]) -> Result<Listing<'u>, BarrierError> {
        let folder = self.keys.sealed_key(mount, table, folder.iter().copied())?;
        Ok(Listing::new(&self.keys, &self.store, mount, folder))
    }

    /// The records of a plain table whose names begin with `prefix`, at most the first `limit`, in order, with their
    /// names. The limit is applied in the store, before a value is opened. This unit's own writes do not count. Blocks
    /// for as long as it takes to open so many values.
    pub(crate) fn scan<T: Record>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        prefix: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, T)>, BarrierError> {
        let found = self.stored(mount, table.id, prefix, limit)?;
        found.into_iter().map(|record| Ok((record.name.clone(), self.open(&record)?))).collect()
    }

    /// Every record of a plain table whose name begins with `prefix`, with its name. A record that does not open is an
    /// error in its own place and does not hinder the others. For tables of few records.
    pub(crate) fn scan_each<T: Record>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        prefix: &[u8],
    ) -> Result<Vec<(Vec<u8>, Result<T, BarrierError>)>, BarrierError> {
        let found = self.stored(mount, table.id, prefix, usize::MAX)?;
        Ok(found.into_iter().map(|record| (record.name.clone(), self.open(&record))).collect())
    }

    fn open<T: Record>(&self, record: &Stored) -> Result<T, BarrierError> {
        let plain = self.keys.open_record(&record.key, record.value.as_ref())?;
        decode(&record.key, &plain)
    }

    fn stored(&self, mount: &MountId, table: u8, prefix: &[u8], limit: usize) -> Result<Vec<Stored>, BarrierError> {
        let root = RecordKey::table(mount, table);
        let head = root.as_bytes().len();
        let start = root.plain(prefix);
        let found = self.store.scan(start.as_bytes(), &start.after(), limit)?;
        let records = found.into_iter().map(|(full, value)| {
            let name = full.get(head..).unwrap_or_default().to_vec();
            Stored { key: RecordKey::table(mount, table).plain(&name), name, value }
        });
        Ok(records.collect())
    }

    /// The full keys of a mount's records in all tables, at most the first `limit`. For sweeps of what a mount has left
    /// behind.
    pub(crate) fn keys_of_mount(&self, mount: &MountId, limit: usize) -> Result<Vec<Vec<u8>>, BarrierError> {
        let (from, to) = record_key::keys_of_mount(mount);
        Ok(self.store.keys(&from, &to, limit)?)
    }

    /// For a unit that only read: checks that everything that it read is unchanged, so that the answer describes one
    /// moment. An answer from a single record always does.
    pub(crate) fn confirm_reads(&self) -> Result<(), BarrierError> {
        let state = self.state();
        if state.seen.len() < 2 {
            return Ok(());
        }
        for (key, old) in &state.seen {
            let now = Old::of(self.store.get(key)?.as_deref());
            if now != *old {
                return Err(BarrierError::Conflict);
            }
        }
        Ok(())
    }

    /// Commits all writes of this unit together with `notes`, its audit log lines. `Ok` means durable and visible.
    pub(crate) async fn commit(&self, notes: Vec<Vec<u8>>) -> Result<Sequence, BarrierError> {
        let batch = self.batch(notes)?;
        Ok(self.store.commit(batch).await?)
    }

    fn batch(&self, notes: Vec<Vec<u8>>) -> Result<Batch, BarrierError> {
        let State { mut seen, writes, effects, is_urgent, .. } = std::mem::take(&mut *self.state());
        let only_deletes = writes.values().all(|pending| matches!(pending, Pending::Delete));
        let mut sealed = Vec::with_capacity(writes.len());
        for (key, pending) in writes {
            let old = seen.remove(&key).unwrap_or(Old::Absent);
            let new = match pending {
                Pending::Put(of, plain, tag) => {
                    let sealed = self.keys.seal_record(&of, &plain)?;
                    if let Old::Tag(new) = Old::of(Some(&sealed)) {
                        // Each record is sealed once, when its unit commits: nobody has set the tag before.
                        let _ = tag.0.set(new);
                    }
                    Some(sealed)
                }
                Pending::Delete => None,
            };
            sealed.push(Write { key, old, new });
        }
        let checks = seen.into_iter().map(|(key, old)| Check { key, old }).collect();
        Ok(Batch { request: self.request, checks, writes: sealed, notes, effects, urgent: is_urgent || only_deletes })
    }

    /// The writes of this unit, sealed but not committed: the first batch of a store that does not exist yet.
    pub(crate) fn into_staged(self) -> Result<Staged, BarrierError> {
        let writes = self.batch(Vec::new())?.writes;
        Ok(writes.into_iter().filter_map(|write| Some((write.key, write.new?))).collect())
    }
}

/// A record of a plain table as it lies in the store: its value is still sealed.
struct Stored {
    name: Vec<u8>,
    key: RecordKey,
    value: StoredValue,
}

fn decode<T: Record>(key: &RecordKey, plain: &[u8]) -> Result<T, BarrierError> {
    minicbor::decode(plain).map_err(|_| BarrierError::Integrity { table: key.table_id() })
}
