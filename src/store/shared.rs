//! What readers and the committer have in common: the index, the head (sequence and time), notes, and the end.

use std::sync::{
    Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use super::{batch::Sequence, committer::Accepted, errors::StoreError, index::Index, log::Mark, notes::Notes};
use crate::base::time::{Clock, Time};

pub(super) struct Shared {
    pub index: Index,
    clock: Clock,
    sequence: AtomicU64,
    last_nanos: AtomicI64,
    notes: Mutex<Notes>,
    mark: Mutex<Option<Mark>>,
    /// Why the store is closed, once it is.
    end: OnceLock<String>,
}

impl Shared {
    /// `sequence` and `time` of the last commit that the index knows.
    pub fn new(index: Index, clock: Clock, sequence: Sequence, time: Time) -> Self {
        Self {
            index,
            clock,
            sequence: AtomicU64::new(sequence.0),
            last_nanos: AtomicI64::new(time.unix_nanos()),
            notes: Mutex::default(),
            mark: Mutex::default(),
            end: OnceLock::new(),
        }
    }

    pub fn sequence(&self) -> Sequence {
        Sequence(self.sequence.load(Ordering::Acquire))
    }

    pub fn last_time(&self) -> Time {
        Time::from_unix_nanos(self.last_nanos.load(Ordering::Acquire))
    }

    /// The time of the next group: the clock's, but never before the last one's.
    pub fn tick(&self) -> Time {
        self.clock.now().max(self.last_time())
    }

    /// Moves the head to `sequence`, which is durable now, and takes over the notes.
    pub fn publish(&self, sequence: Sequence, time: Time, accepted: Vec<Accepted>) {
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

    pub fn notes_since(&self, after: Sequence) -> Vec<(Sequence, Vec<u8>)> {
        lock(&self.notes).since(after)
    }

    pub fn release_notes(&self, up_to: Sequence) {
        lock(&self.notes).release(up_to);
    }

    pub fn notes_held_bytes(&self) -> usize {
        lock(&self.notes).held_bytes()
    }

    pub fn lend_mark(&self, mark: Option<Mark>) {
        *lock(&self.mark) = mark;
    }

    pub fn mark(&self) -> Option<Mark> {
        lock(&self.mark).clone()
    }

    /// Ends the store; the first cause stays.
    pub fn close(&self, cause: String) {
        self.end.get_or_init(|| cause);
    }

    /// Refuses once the store has ended.
    pub fn open(&self) -> Result<(), StoreError> {
        self.end.get().map_or(Ok(()), |cause| Err(StoreError::Closed(cause.clone())))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing of others runs under these locks, so a poisoned one still guards whole data.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
