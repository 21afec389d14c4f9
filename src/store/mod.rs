//! Bytes at rest: an ordered map that changes in atomic batches, and the boot file beside it. The store does not know
//! what its bytes mean; the effects that a batch carries are opaque to it.
//!
//! One committer thread makes all writes, over an index in memory or in sled. `Ok` of a commit means durable and
//! visible. There is no journal yet: sled shows a batch to readers before the batch is synced, and notes that were not
//! released are lost with the process.

mod batch;
mod boot;
mod change;
mod committer;
#[cfg(feature = "unflushed")]
mod deferred;
mod errors;
pub mod files;
mod index;
mod memory;
mod notes;
mod shared;
mod sled;
mod sled_form;
mod tag;
mod value;

#[cfg(test)]
mod boot_tests;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod sled_tests;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use tokio::sync::oneshot;

#[cfg(test)]
pub(crate) use self::tag::tag_of;
pub use self::{
    batch::{Batch, Check, Effect, Old, Sequence, Write},
    boot::Boot,
    errors::{CommitError, OpenError, StoreError},
    files::{FileKind, Files, Protection},
    tag::Tag,
    value::StoredValue,
};
use self::{
    committer::{Committer, Order, Waiting},
    index::Index,
    memory::MemoryIndex,
    shared::Shared,
    sled::SledIndex,
};
use crate::base::time::{Clock, Time};

/// A handle on the store; clones share it. When the last clone is dropped, the committer finishes what was handed in
/// and the directory is free again.
#[derive(Clone)]
pub struct Store(Arc<Running>);

/// The numbers of a store at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreMeasurements {
    /// Batches committed since the store was created.
    pub commits: u64,
    /// Bytes that the store takes on disk. `None` for a store in memory, or if the size cannot be found out.
    pub size_bytes: Option<u64>,
    /// Whether there is room for ordinary batches on the disk.
    pub has_room: bool,
    /// Bytes of notes held in memory because audit devices have not taken them yet.
    pub notes_held_bytes: usize,
}

/// The committer's thread and the channel to it.
struct Running {
    shared: Arc<Shared>,
    orders: Option<mpsc::Sender<Order>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// A store in memory: everything is lost when it is dropped.
    pub(crate) fn memory(clock: Clock) -> Self {
        Self::start(Shared::new(Index::Memory(MemoryIndex::default()), clock, Sequence::ZERO, Time::EPOCH))
    }

    /// Opens or creates the store under `dir` (the data directory) and holds `<dir>/lock` for as long as a clone of the
    /// store lives. Blocks while sled recovers. The clock is not changed: a caller that wants no time before the last
    /// commit calls `clock.not_before(store.last_time())`.
    pub(crate) fn sled(dir: &Path, files: Files, clock: Clock) -> Result<Self, OpenError> {
        let (index, head) = SledIndex::open(dir, files)?;
        #[cfg(not(feature = "unflushed"))]
        let index = Index::Sled(index);
        #[cfg(feature = "unflushed")]
        let index = Index::Deferred(deferred::Deferred::new(index).map_err(|error| OpenError::io(dir, &error))?);
        Ok(Self::start(Shared::new(index, clock, head.sequence, head.time)))
    }

    fn start(shared: Shared) -> Self {
        let shared = Arc::new(shared);
        let (orders, inbox) = mpsc::channel();
        let committer = Committer::new(Arc::clone(&shared));
        let thread = thread::Builder::new().name(String::from("committer")).spawn(move || committer.run(&inbox));
        let thread = match thread {
            Ok(thread) => Some(thread),
            Err(error) => {
                shared.close(format!("the committer's thread could not be started: {error}"));
                None
            }
        };
        Self(Arc::new(Running { shared, orders: Some(orders), thread: Mutex::new(thread) }))
    }

    /// The name of this kind of store, for operators.
    pub(crate) fn kind(&self) -> &'static str {
        self.0.shared.index.kind()
    }

    /// Whether the store still answers. After a failure it has closed itself.
    pub(crate) fn is_open(&self) -> bool {
        self.0.shared.open().is_ok()
    }

    /// The numbers of the store, for metrics. Asks the file system for sizes, so the call may block.
    pub(crate) fn measure(&self) -> StoreMeasurements {
        let shared = &self.0.shared;
        StoreMeasurements {
            commits: shared.sequence().0,
            size_bytes: shared.index.size_bytes(),
            has_room: shared.index.lacks_room().is_none(),
            notes_held_bytes: shared.notes_held_bytes(),
        }
    }

    /// The value at `key`; `None` if the key is absent. Takes microseconds, so it may run on a worker thread. A value
    /// above 4 KiB is joined from chunks.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<StoredValue>, StoreError> {
        self.0.shared.open()?;
        self.close_on_error(self.0.shared.index.get(key))
    }

    /// The records from `from` (inclusive) to `to` (exclusive), at most the first `limit`, in the order of their keys.
    /// They are not a snapshot: a batch that is committed meanwhile may be seen in part.
    pub(crate) fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, StoredValue)>, StoreError> {
        self.0.shared.open()?;
        self.close_on_error(self.0.shared.index.scan(from, to, limit))
    }

    /// As [`Store::scan`], but only the keys.
    pub(crate) fn keys(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        self.0.shared.open()?;
        self.close_on_error(self.0.shared.index.keys(from, to, limit))
    }

    /// Hands `batch` to the committer during this call; batches are committed in the order of the calls. The future
    /// only waits for the outcome, and dropping it does not cancel the batch. `Ok` means that the batch is durable and
    /// visible and that its effects have run. Nothing is retried here.
    pub(crate) fn commit(
        &self,
        batch: Batch,
    ) -> impl Future<Output = Result<Sequence, CommitError>> + Send + 'static + use<> {
        let (answer, outcome) = oneshot::channel();
        if let Some(orders) = &self.0.orders {
            // If the committer has ended, the batch is dropped with the sender of its answer: the future sees that.
            let _ = orders.send(Order::Commit(Waiting { batch, answer }));
        }
        async move { outcome.await.unwrap_or(Err(CommitError::Closed)) }
    }

    /// The unreleased notes of batches after `after`, oldest first. Notes are held in memory until there is a journal.
    /// When they exceed 64 MiB, batches that are not urgent are refused with [`CommitError::Full`].
    pub(crate) fn notes_since(&self, after: Sequence) -> Vec<(Sequence, Vec<u8>)> {
        self.0.shared.notes_since(after)
    }

    /// Forgets the notes of batches up to and including `up_to`. Call it once every audit device has them.
    pub(crate) fn release_notes(&self, up_to: Sequence) {
        self.0.shared.release_notes(up_to);
    }

    /// The number of the last batch that is durable.
    pub(crate) fn sequence(&self) -> Sequence {
        self.0.shared.sequence()
    }

    /// When the last batch was committed; [`Time::EPOCH`] before the first batch.
    pub(crate) fn last_time(&self) -> Time {
        self.0.shared.last_time()
    }

    /// Passes `result` on. If it is an error, closes the store, because later answers of the index could be wrong.
    fn close_on_error<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            tracing::error!(cause = %error, "the store failed and is closed");
            self.0.shared.close(error.to_string());
        }
        result
    }

    /// Commits the batches that were handed in before, then closes the store for all clones. Blocks until then.
    pub(crate) fn close(self) {
        if let Some(orders) = &self.0.orders {
            let _ = orders.send(Order::Close);
        }
        self.0.join();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store(at {})", self.sequence())
    }
}

impl Running {
    fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // If an effect held the last clone, this runs on the committer's own thread, which cannot wait for itself.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id()) {
            // The committer catches its panics, so the result of the join tells nothing.
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.orders = None;
        self.join();
    }
}
