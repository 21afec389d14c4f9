//! Bytes at rest: an ordered map with atomic batches, and the boot file beside it. The store knows no meaning; what it
//! is lent from above (effects, the mark) is opaque to it.
//!
//! One committer thread owns all writes, over an index (memory or sled) and a log (none yet). `Ok` of a commit means
//! durable and visible. Until there is a journal, sled shows a batch to readers before it is synced, and notes that
//! were not released die with the process.

mod batch;
mod boot;
mod committer;
#[cfg(feature = "unflushed")]
mod deferred;
mod errors;
pub mod files;
mod index;
mod log;
mod memory;
mod notes;
mod shared;
mod sled;
mod sled_form;
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

pub use self::{
    batch::{Batch, Check, Effect, Old, Sequence, TAG_BYTES, Tag, Write},
    boot::Boot,
    errors::{CommitError, OpenError, StoreError},
    files::Files,
    log::Mark,
    value::{Value, tag_of},
};
use self::{
    committer::{Committer, Order, Waiting},
    index::Index,
    log::Log,
    memory::MemoryIndex,
    shared::Shared,
    sled::SledIndex,
};
use crate::base::time::{Clock, Time};

/// A handle on the store; clones share it. When the last one is dropped the committer finishes what was handed in,
/// and the directory is free again.
#[derive(Clone)]
pub struct Store(Arc<House>);

/// The committer's thread and the way to it.
struct House {
    shared: Arc<Shared>,
    orders: Option<mpsc::Sender<Order>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// A store that forgets everything when it is dropped.
    pub fn memory(clock: Clock) -> Self {
        Self::start(Shared::new(Index::Memory(MemoryIndex::default()), clock, Sequence::ZERO, Time::EPOCH))
    }

    /// Opens or creates the store under `dir` (the data directory) and takes `<dir>/lock` for as long as a clone of
    /// it lives. Blocks while sled recovers. The clock is not touched: who wants time to go on from the last commit
    /// calls `clock.not_before(store.last_time())`.
    pub fn sled(dir: &Path, files: Files, clock: Clock) -> Result<Self, OpenError> {
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
        let committer = Committer::new(Arc::clone(&shared), Log::None);
        let thread = thread::Builder::new().name(String::from("committer")).spawn(move || committer.run(&inbox));
        let thread = match thread {
            Ok(thread) => Some(thread),
            Err(error) => {
                shared.close(format!("no thread for the committer: {error}"));
                None
            }
        };
        Self(Arc::new(House { shared, orders: Some(orders), thread: Mutex::new(thread) }))
    }

    /// What operators are told it is.
    pub fn kind(&self) -> &'static str {
        self.0.shared.index.kind()
    }

    /// The value at `key`. Inline and short; a value above 4 KiB is joined first.
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        self.0.shared.open()?;
        self.watch(self.0.shared.index.get(key))
    }

    /// The first `limit` records from `from` up to but not with `to`, in order of their keys. Not one moment's
    /// picture: batches committed meanwhile may be seen in part.
    pub fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, Value)>, StoreError> {
        self.0.shared.open()?;
        self.watch(self.0.shared.index.scan(from, to, limit))
    }

    /// As [`Store::scan`], the keys alone.
    pub fn keys(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        self.0.shared.open()?;
        self.watch(self.0.shared.index.keys(from, to, limit))
    }

    /// Hands `batch` to the committer at once, on this call, in the order of calls; the future only waits for the
    /// answer, and dropping it takes nothing back. `Ok`: durable, visible, effects done. Never retried here.
    pub fn commit(&self, batch: Batch) -> impl Future<Output = Result<Sequence, CommitError>> + Send + 'static + use<> {
        let (answer, outcome) = oneshot::channel();
        if let Some(orders) = &self.0.orders {
            // A committer that has ended drops the order, and with it the sender of the answer.
            let _ = orders.send(Order::Commit(Waiting { batch, answer }));
        }
        async move { outcome.await.unwrap_or(Err(CommitError::Closed)) }
    }

    /// Notes of batches after `after`, oldest first, that nobody has released. Held in memory until there is a
    /// journal; when more than 64 MiB wait, batches that are not urgent are refused with [`CommitError::Full`].
    pub fn notes_since(&self, after: Sequence) -> Vec<(Sequence, Vec<u8>)> {
        self.0.shared.notes_since(after)
    }

    /// Every device has the notes of batches up to and with `up_to`.
    pub fn release_notes(&self, up_to: Sequence) {
        self.0.shared.release_notes(up_to);
    }

    /// The last batch that is durable.
    pub fn sequence(&self) -> Sequence {
        self.0.shared.sequence()
    }

    /// When the last batch was committed; [`Time::EPOCH`] if there was none.
    pub fn last_time(&self) -> Time {
        self.0.shared.last_time()
    }

    /// Lends the key of the log's marks while the store is unsealed; `None` takes it back.
    pub fn lend_mark(&self, mark: Option<Mark>) {
        self.0.shared.lend_mark(mark);
    }

    /// Refuses with the cause once the store is closed or has failed.
    pub fn check_open(&self) -> Result<(), StoreError> {
        self.0.shared.open()
    }

    /// An index that failed once is not trusted again: the store ends.
    fn watch<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            tracing::error!(cause = %error, "the store failed and is closed");
            self.0.shared.close(error.to_string());
        }
        result
    }

    /// Finishes what was handed in before, then closes for all clones. Blocks for that long.
    pub fn close(self) {
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

impl House {
    fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // An effect that held the last clone drops it on the committer's own thread, which cannot wait for itself.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id()) {
            // The committer catches its panics; there is nothing to learn from the join.
            let _ = thread.join();
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.orders = None;
        self.join();
    }
}
