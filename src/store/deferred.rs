//! A broken index for the crash test: it acknowledges at once and writes 300 ms later, so a kill loses acknowledged
//! writes, although readers saw them. It is only in the test build with the feature `unflushed`.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    ops::Bound,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    batch::Sequence,
    change::{Record, Slice, Summary},
    errors::StoreError,
    sled::SledIndex,
    tag::tag_of,
    value::StoredValue,
};

pub(super) struct Deferred {
    parts: Arc<Parts>,
    worker: Option<JoinHandle<()>>,
}

struct Parts {
    inner: SledIndex,
    pending: Mutex<Pending>,
    /// Notified when the worker must end.
    end: Condvar,
}

#[derive(Default)]
struct Pending {
    /// Slices that came during this delay. At its end they become `aged`, and at the end of the next they are written.
    fresh: Vec<Slice>,
    aged: Vec<Slice>,
    /// The state of each key after all slices that are not written yet.
    overlay: BTreeMap<Vec<u8>, Latest>,
    failure: Option<StoreError>,
    is_done: bool,
}

struct Latest {
    value: Option<Arc<[u8]>>,
    seen: Option<Summary>,
    sequence: Sequence,
}

impl Deferred {
    pub(crate) fn new(inner: SledIndex) -> io::Result<Self> {
        let parts = Arc::new(Parts { inner, pending: Mutex::default(), end: Condvar::new() });
        let for_worker = Arc::clone(&parts);
        let worker = thread::Builder::new().name(String::from("deferred")).spawn(move || for_worker.work())?;
        Ok(Self { parts, worker: Some(worker) })
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<StoredValue>, StoreError> {
        let pending = self.parts.pending();
        match pending.overlay.get(key) {
            Some(latest) => Ok(latest.value.clone().map(StoredValue::shared)),
            None => self.parts.inner.get(key),
        }
    }

    pub(crate) fn peek(&self, key: &[u8]) -> Result<Option<Summary>, StoreError> {
        let pending = self.parts.pending();
        pending.overlay.get(key).map_or_else(|| self.parts.inner.peek(key), |latest| Ok(latest.seen))
    }

    pub(crate) fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Record>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let pending = self.parts.pending();
        let range = || pending.overlay.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let hidden = range().count();
        let found = self.parts.inner.scan(from, to, limit.saturating_add(hidden))?;
        let mut merged: HashMap<Vec<u8>, Option<StoredValue>> =
            found.into_iter().map(|(key, value)| (key, Some(value))).collect();
        merged.extend(range().map(|(key, latest)| (key.clone(), latest.value.clone().map(StoredValue::shared))));
        let mut records: Vec<Record> =
            merged.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))).collect();
        records.sort_by(|left, right| left.0.cmp(&right.0));
        records.truncate(limit);
        Ok(records)
    }

    pub(crate) fn apply(&self, slice: Slice) -> Result<(), StoreError> {
        let mut pending = self.parts.pending();
        if let Some(failure) = &pending.failure {
            return Err(failure.clone());
        }
        for change in &slice.changes {
            let value: Option<Arc<[u8]>> = change.new.as_deref().map(Arc::from);
            let seen =
                value.as_ref().map(|new| Summary { tag: tag_of(new), len_bytes: new.len(), made_by: change.made_by });
            pending.overlay.insert(change.key.clone(), Latest { value, seen, sequence: slice.sequence });
        }
        pending.fresh.push(slice);
        Ok(())
    }

    pub(crate) fn size_bytes(&self) -> Option<u64> {
        self.parts.inner.size_bytes()
    }

    pub(crate) fn lacks_room(&self) -> Option<String> {
        self.parts.inner.lacks_room()
    }

    /// Writes everything that is pending, at an orderly stop.
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        let mut pending = self.parts.pending();
        self.parts.write_down(&mut pending);
        self.parts.write_down(&mut pending);
        match pending.failure.clone() {
            Some(failure) => Err(failure),
            None => self.parts.inner.sync(),
        }
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        self.parts.pending().is_done = true;
        self.parts.end.notify_all();
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

impl Parts {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        loop {
            let waited = self.end.wait_timeout_while(self.pending(), DELAY, |pending| !pending.is_done);
            let (mut pending, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if pending.is_done {
                return;
            }
            self.write_down(&mut pending);
        }
    }

    /// Writes the aged slices and ages the fresh ones. It holds the lock throughout, so readers wait; this is only a
    /// test build.
    fn write_down(&self, pending: &mut Pending) {
        for slice in std::mem::take(&mut pending.aged) {
            let sequence = slice.sequence;
            if let Err(failure) = self.inner.apply(slice) {
                pending.failure = Some(failure);
                return;
            }
            pending.overlay.retain(|_, latest| latest.sequence > sequence);
        }
        pending.aged = std::mem::take(&mut pending.fresh);
    }
}

const DELAY: Duration = Duration::from_millis(300);
