//! A broken committer for the crash test: it answers at once and writes 300 ms later, so that a kill loses writes that
//! were acknowledged. Readers see them all the same. Never in a build that anybody runs.

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
    errors::StoreError,
    index::{Record, Seen, Slice},
    sled::SledIndex,
    value::{Value, tag_of},
};

pub(super) struct Deferred {
    parts: Arc<Parts>,
    worker: Option<JoinHandle<()>>,
}

struct Parts {
    inner: SledIndex,
    pending: Mutex<Pending>,
    /// Told when the worker shall end.
    end: Condvar,
}

#[derive(Default)]
struct Pending {
    /// Slices that have waited for a whole delay are written at the next one's end.
    fresh: Vec<Slice>,
    aged: Vec<Slice>,
    /// What the slices that wait will leave.
    overlay: BTreeMap<Vec<u8>, Latest>,
    failure: Option<StoreError>,
    is_done: bool,
}

struct Latest {
    value: Option<Arc<[u8]>>,
    seen: Option<Seen>,
    sequence: Sequence,
}

impl Deferred {
    pub fn new(inner: SledIndex) -> io::Result<Self> {
        let parts = Arc::new(Parts { inner, pending: Mutex::default(), end: Condvar::new() });
        let for_worker = Arc::clone(&parts);
        let worker = thread::Builder::new().name(String::from("deferred")).spawn(move || for_worker.work())?;
        Ok(Self { parts, worker: Some(worker) })
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        let pending = self.parts.pending();
        match pending.overlay.get(key) {
            Some(latest) => Ok(latest.value.clone().map(Value::shared)),
            None => self.parts.inner.get(key),
        }
    }

    pub fn peek(&self, key: &[u8]) -> Result<Option<Seen>, StoreError> {
        let pending = self.parts.pending();
        pending.overlay.get(key).map_or_else(|| self.parts.inner.peek(key), |latest| Ok(latest.seen))
    }

    pub fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Record>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let pending = self.parts.pending();
        let range = || pending.overlay.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let hidden = range().count();
        let found = self.parts.inner.scan(from, to, limit.saturating_add(hidden))?;
        let mut merged: HashMap<Vec<u8>, Option<Value>> =
            found.into_iter().map(|(key, value)| (key, Some(value))).collect();
        merged.extend(range().map(|(key, latest)| (key.clone(), latest.value.clone().map(Value::shared))));
        let mut records: Vec<Record> =
            merged.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))).collect();
        records.sort_by(|left, right| left.0.cmp(&right.0));
        records.truncate(limit);
        Ok(records)
    }

    pub fn apply(&self, slice: Slice) -> Result<(), StoreError> {
        let mut pending = self.parts.pending();
        if let Some(failure) = &pending.failure {
            return Err(failure.clone());
        }
        for change in &slice.changes {
            let value: Option<Arc<[u8]>> = change.new.as_deref().map(Arc::from);
            let seen = value.as_ref().map(|new| Seen { tag: tag_of(new), len_bytes: new.len(), born: change.born });
            pending.overlay.insert(change.key.clone(), Latest { value, seen, sequence: slice.sequence });
        }
        pending.fresh.push(slice);
        Ok(())
    }

    pub fn lacks_room(&self) -> Option<String> {
        self.parts.inner.lacks_room()
    }

    /// An orderly stop writes down everything.
    pub fn close(&self) -> Result<(), StoreError> {
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

    /// Writes what is aged, and ages what is fresh. The lock is held throughout: readers wait, which a test build may
    /// let them.
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
