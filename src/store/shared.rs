//! What readers and the committer share: the index, the newest sequence and time, the notes, and why the store ended.

use std::sync::{
    Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use super::{batch::Sequence, change::Accepted, errors::StoreError, index::Index, notes::Notes};
use crate::base::time::{Clock, Time};

pub(super) struct Shared {
    pub index: Index,
    clock: Clock,
    sequence: AtomicU64,
    last_nanos: AtomicI64,
    notes: Mutex<Notes>,
    /// Why the store is closed. Empty while it is open.
    end: OnceLock<String>,
}

impl Shared {
    /// `sequence` and `time` are those of the last commit in the index.
    pub(crate) fn new(index: Index, clock: Clock, sequence: Sequence, time: Time) -> Self {
        Self {
            index,
            clock,
            sequence: AtomicU64::new(sequence.0),
            last_nanos: AtomicI64::new(time.unix_nanos()),
            notes: Mutex::default(),
            end: OnceLock::new(),
        }
    }

    pub(crate) fn sequence(&self) -> Sequence {
        Sequence(self.sequence.load(Ordering::Acquire))
    }

    pub(crate) fn last_time(&self) -> Time {
        Time::from_unix_nanos(self.last_nanos.load(Ordering::Acquire))
    }

    /// The time of the next group: the time of the clock, but not before the time of the last group.
    pub(crate) fn tick(&self) -> Time {
        self.clock.now().max(self.last_time())
    }

    /// Makes `sequence`, which is durable now, the newest sequence, and takes over the notes of the accepted batches.
    pub(crate) fn publish(&self, sequence: Sequence, time: Time, accepted: Vec<Accepted>) {
        if accepted.is_empty() {
            return;
        }
        let mut notes = lock(&self.notes);
        for batch in accepted {
            for note in batch.notes {
                notes.push(batch.sequence, note);
            }
        }
        self.last_nanos.store(time.unix_nanos(), Ordering::Release);
        self.sequence.store(sequence.0, Ordering::Release);
    }

    pub(crate) fn notes_since(&self, after: Sequence) -> Vec<(Sequence, Vec<u8>)> {
        lock(&self.notes).since(after)
    }

    pub(crate) fn release_notes(&self, up_to: Sequence) {
        lock(&self.notes).release(up_to);
    }

    pub(crate) fn notes_held_bytes(&self) -> usize {
        lock(&self.notes).held_bytes()
    }

    /// Closes the store. The cause of the first call stays.
    pub(crate) fn close(&self, cause: String) {
        self.end.get_or_init(|| cause);
    }

    /// An error once the store is closed.
    pub(crate) fn open(&self) -> Result<(), StoreError> {
        self.end.get().map_or(Ok(()), |cause| Err(StoreError::Closed(cause.clone())))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The data is consistent even if the lock is poisoned: no code of a caller, which could panic, runs while it is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
