//! The unit of work of one request: what it reads is remembered, what it writes is gathered, and one batch commits
//! everything or nothing. What was read becomes a precondition of the commit, so a request never acts on something
//! that has changed meanwhile; the caller of [`Unit::commit`] learns of it as [`BarrierError::Conflict`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use zeroize::Zeroizing;

use crate::{
    barrier::{
        BarrierError, Name, Record, Table,
        keys::{Key, Keys},
        place::{MountId, Place},
    },
    base::limits::LIST_NAMES_MAX,
    store::{Batch, Check, Effect, Old, Sequence, Store, Tag, Value, Write},
};

/// Keys that a listing takes from the store at once.
const PAGE_KEYS: usize = 256;

/// Reads and writes of one request.
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
    Put(Place, Zeroizing<Vec<u8>>, WrittenTag),
    Delete,
}

/// The tag of a record that a unit writes. It is known once the unit commits, so the effects of the commit can read it.
#[derive(Clone, Default)]
pub struct WrittenTag(Arc<OnceLock<Tag>>);

impl WrittenTag {
    /// The state of the record after the commit; absent before it.
    pub fn old(&self) -> Old {
        self.0.get().map_or(Old::Absent, |tag| Old::Tag(*tag))
    }
}

/// What a unit would write, sealed: the first batch of a new store.
pub type Staged = Vec<(Vec<u8>, Vec<u8>)>;

impl Unit {
    pub fn new(keys: Arc<Keys>, store: Store, request: [u8; 16]) -> Self {
        Self { keys, store, request, state: Mutex::default() }
    }

    pub fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place<'k, T>(&self, mount: &MountId, table: &Table<T>, name: impl Into<Key<'k>>) -> Result<Place, BarrierError> {
        self.keys.place(mount, table.id, table.form, &name.into())
    }

    /// The record of that name, as this unit would leave it.
    pub fn get<'k, T: Record>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<Key<'k>>,
    ) -> Result<Option<T>, BarrierError> {
        let place = self.place(mount, table, name)?;
        match self.state().writes.get(place.as_bytes()) {
            Some(Pending::Put(_, plain, _)) => return decode(&place, plain).map(Some),
            Some(Pending::Delete) => return Ok(None),
            None => {}
        }
        Ok(self.fetch(&place)?.map(|(record, _)| record))
    }

    /// Like [`Unit::get`] from the store alone, with the record's tag.
    pub fn get_tagged<'k, T: Record>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<Key<'k>>,
    ) -> Result<Option<(T, Tag)>, BarrierError> {
        self.fetch(&self.place(mount, table, name)?)
    }

    fn fetch<T: Record>(&self, place: &Place) -> Result<Option<(T, Tag)>, BarrierError> {
        let value = self.store.get(place.as_bytes())?;
        let old = value.as_ref().map_or(Old::Absent, |value| Old::Tag(tag_of(value.as_ref())));
        self.remember(place.as_bytes(), old)?;
        let (Some(value), Old::Tag(tag)) = (value, old) else { return Ok(None) };
        let plain = self.keys.open_record(place, value.as_ref())?;
        Ok(Some((decode(place, &plain)?, tag)))
    }

    /// Whether a record of that name exists; does not open it.
    pub fn has<'k, T>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<Key<'k>>,
    ) -> Result<bool, BarrierError> {
        let place = self.place(mount, table, name)?;
        match self.state().writes.get(place.as_bytes()) {
            Some(Pending::Put(..)) => return Ok(true),
            Some(Pending::Delete) => return Ok(false),
            None => {}
        }
        Ok(self.old_state(place.as_bytes())? != Old::Absent)
    }

    /// Writes a record over whatever is there. Gives the tag that the record will have.
    pub fn put<'k, T: Record>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<Key<'k>>,
        record: &T,
    ) -> Result<WrittenTag, BarrierError> {
        let place = self.place(mount, table, name)?;
        self.old_state(place.as_bytes())?;
        self.stage(place, record)
    }

    /// Writes a record where there is none; the commit conflicts if there is one. For names that are random.
    pub fn create<'k, T: Record>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<Key<'k>>,
        record: &T,
    ) -> Result<(), BarrierError> {
        let place = self.place(mount, table, name)?;
        self.state().seen.entry(place.as_bytes().to_vec()).or_insert(Old::Absent);
        self.stage(place, record)?;
        Ok(())
    }

    /// Deletes a record; does nothing where there is none.
    pub fn delete<'k, T>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<Key<'k>>,
    ) -> Result<(), BarrierError> {
        let place = self.place(mount, table, name)?;
        self.delete_key(place.as_bytes())
    }

    /// Deletes whatever lies under a full key: for sweeps.
    pub fn delete_key(&self, key: &[u8]) -> Result<(), BarrierError> {
        let old = self.old_state(key)?;
        let mut state = self.state();
        if old == Old::Absent {
            state.writes.remove(key);
        } else {
            state.writes.insert(key.to_vec(), Pending::Delete);
        }
        Ok(())
    }

    fn stage<T: Record>(&self, place: Place, record: &T) -> Result<WrittenTag, BarrierError> {
        let mut plain = Zeroizing::new(Vec::with_capacity(256));
        minicbor::encode(record, &mut *plain).map_err(|_| BarrierError::TooLarge)?;
        let tag = WrittenTag::default();
        self.state().writes.insert(place.as_bytes().to_vec(), Pending::Put(place, plain, tag.clone()));
        Ok(tag)
    }

    /// What the store holds under a key, as this unit saw it first.
    fn old_state(&self, key: &[u8]) -> Result<Old, BarrierError> {
        if let Some(old) = self.state().seen.get(key) {
            return Ok(*old);
        }
        let old = self.store.get(key)?.map_or(Old::Absent, |value| Old::Tag(tag_of(value.as_ref())));
        self.remember(key, old)?;
        Ok(old)
    }

    /// Two looks at one record in one unit must see the same.
    fn remember(&self, key: &[u8], old: Old) -> Result<(), BarrierError> {
        let is_same = *self.state().seen.entry(key.to_vec()).or_insert(old) == old;
        if is_same { Ok(()) } else { Err(self.conflict()) }
    }

    /// Declares that what this unit read is no longer so: whoever runs the request performs it again on a fresh unit.
    pub fn conflict(&self) -> BarrierError {
        self.state().is_stale = true;
        BarrierError::Conflict
    }

    /// Whether this unit has met a change of what it read. Its request must be performed again.
    pub fn is_stale(&self) -> bool {
        self.state().is_stale
    }

    /// Makes it a precondition that the record still has the tag with which it was seen elsewhere, in a cache or a
    /// snapshot.
    pub fn expect<'k, T>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        name: impl Into<Key<'k>>,
        old: Old,
    ) -> Result<(), BarrierError> {
        let place = self.place(mount, table, name)?;
        self.remember(place.as_bytes(), old)
    }

    /// Something to run after the commit and before the answer. Effects are how caches learn of a change.
    pub fn after_commit(&self, effect: impl FnOnce(Sequence) + Send + 'static) {
        self.state().effects.push(Box::new(effect));
    }

    /// Lets the commit use the disk's reserve: for what frees, revokes or seals.
    pub fn urgent(&self) {
        self.state().is_urgent = true;
    }

    /// Whether there is something to commit.
    pub fn writes_something(&self) -> bool {
        !self.state().writes.is_empty()
    }

    /// The names directly below `folder`, in order. Looks at the store alone.
    pub fn names<T>(&self, mount: &MountId, table: &Table<T>, folder: &[&str]) -> Result<Vec<Name>, BarrierError> {
        let parent = self.keys.sealed_place(mount, table.id, folder.iter().copied())?;
        let (mut from, to) = parent.below();
        let mut names = Vec::new();
        loop {
            let keys = self.store.keys(&from, &to, PAGE_KEYS)?;
            let Some(last) = keys.last().cloned() else { break };
            let mut folder_end: Option<Vec<u8>> = None;
            for key in &keys {
                if folder_end.as_ref().is_some_and(|end| key < end) {
                    continue;
                }
                let (text, child) = self.keys.child_of(mount, &parent, key)?;
                if child.as_bytes() == key.as_slice() {
                    names.push(Name { text, is_folder: false });
                } else {
                    names.push(Name { text, is_folder: true });
                    folder_end = Some(child.after());
                }
            }
            if names.len() > LIST_NAMES_MAX {
                return Err(BarrierError::TooLarge);
            }
            from = folder_end.filter(|end| *end > last).unwrap_or_else(|| next_key(last));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The records of a plain table whose raw names begin with `prefix` and are at least `from`, in order, with the
    /// rest of their names behind the table's prefix.
    pub fn scan<T: Record>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, T)>, BarrierError> {
        let found = self.stored(mount, table.id, prefix, from, limit)?;
        found.into_iter().map(|(name, place, value)| Ok((name, self.open(&place, &value)?))).collect()
    }

    /// The records of a plain table whose raw names begin with `prefix`, each as it opens: one that does not open is
    /// its own error and nobody else's. For tables of few records.
    pub fn scan_each<T: Record>(
        &self,
        mount: &MountId,
        table: &Table<T>,
        prefix: &[u8],
    ) -> Result<Vec<(Vec<u8>, Result<T, BarrierError>)>, BarrierError> {
        let found = self.stored(mount, table.id, prefix, prefix, usize::MAX)?;
        Ok(found.into_iter().map(|(name, place, value)| (name, self.open(&place, &value))).collect())
    }

    fn open<T: Record>(&self, place: &Place, value: &Value) -> Result<T, BarrierError> {
        let plain = self.keys.open_record(place, value.as_ref())?;
        decode(place, &plain)
    }

    /// Raw names, places and sealed values of a plain table.
    fn stored(
        &self,
        mount: &MountId,
        table: u8,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Place, Value)>, BarrierError> {
        let root = Place::table(mount, table);
        let head = root.as_bytes().len();
        let start = root.clone().plain(from.max(prefix));
        let end = root.plain(prefix).after();
        let found = self.store.scan(start.as_bytes(), &end, limit)?;
        let records = found.into_iter().map(|(key, value)| {
            let name = key.get(head..).unwrap_or_default().to_vec();
            let place = Place::table(mount, table).plain(&name);
            (name, place, value)
        });
        Ok(records.collect())
    }

    /// Up to `limit` full keys of a mount, whatever their table: for sweeps of what a mount has left behind.
    pub fn keys_of_mount(&self, mount: &MountId, limit: usize) -> Result<Vec<Vec<u8>>, BarrierError> {
        let mut root = Place::table(mount, 0).into_bytes();
        root.pop();
        let mut end = root.clone();
        end.push(u8::MAX);
        end.push(u8::MAX);
        Ok(self.store.keys(&root, &end, limit)?)
    }

    /// For a unit that only read: whether everything it saw is still so. One record alone is always a true answer.
    pub fn confirm_reads(&self) -> Result<(), BarrierError> {
        let state = self.state();
        if state.seen.len() < 2 {
            return Ok(());
        }
        for (key, old) in &state.seen {
            let now = self.store.get(key)?.map_or(Old::Absent, |value| Old::Tag(tag_of(value.as_ref())));
            if now != *old {
                return Err(BarrierError::Conflict);
            }
        }
        Ok(())
    }

    /// Commits everything that was gathered, with `notes` beside it. `Ok` means durable and visible.
    pub async fn commit(&self, notes: Vec<Vec<u8>>) -> Result<Sequence, BarrierError> {
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
                Pending::Put(place, plain, tag) => {
                    let sealed = self.keys.seal_record(&place, &plain)?;
                    // Each record is sealed once, when its unit commits: nobody has set the tag before.
                    let _ = tag.0.set(tag_of(&sealed));
                    Some(sealed)
                }
                Pending::Delete => None,
            };
            sealed.push(Write { key, old, new });
        }
        let checks = seen.into_iter().map(|(key, old)| Check { key, old }).collect();
        Ok(Batch { request: self.request, checks, writes: sealed, notes, effects, urgent: is_urgent || only_deletes })
    }

    /// What this unit would write, sealed: for the first batch of a store that does not exist yet.
    pub fn into_staged(self) -> Result<Staged, BarrierError> {
        let writes = self.batch(Vec::new())?.writes;
        Ok(writes.into_iter().filter_map(|write| Some((write.key, write.new?))).collect())
    }
}

/// What the store compares: the first 24 bytes of a value, which are its nonce.
fn tag_of(value: &[u8]) -> Tag {
    let mut tag = Tag::default();
    for (to, from) in tag.iter_mut().zip(value) {
        *to = *from;
    }
    tag
}

fn decode<T: Record>(place: &Place, plain: &[u8]) -> Result<T, BarrierError> {
    minicbor::decode(plain).map_err(|_| BarrierError::Integrity { table: place.table_id() })
}

fn next_key(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}
