//! Admits requests while the store is open. A seal closes admission, then waits for the requests that are under way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// A seal waits at most this long for requests under way. Then it goes on, and the requests that are left are refused.
const DRAIN: Duration = Duration::from_secs(5);
/// How often a waiting seal checks whether requests are still under way.
const LOOK: Duration = Duration::from_millis(5);

/// Counts the requests under way and refuses new ones once closed. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Admission(Arc<Gate>);

#[derive(Default)]
struct Gate {
    is_closed: AtomicBool,
    under_way: AtomicUsize,
}

/// A request under way, counted until it is dropped.
pub(crate) struct UnderWay(Arc<Gate>);

impl Admission {
    pub fn enter(&self) -> UnderWay {
        self.0.under_way.fetch_add(1, Ordering::AcqRel);
        UnderWay(Arc::clone(&self.0))
    }

    /// How many requests are under way.
    pub fn under_way(&self) -> usize {
        self.0.under_way.load(Ordering::Acquire)
    }

    pub fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::Acquire)
    }

    pub fn open(&self) {
        self.0.is_closed.store(false, Ordering::Release);
    }

    /// Closes admission and waits until at most `own` requests are under way, which are those that do the sealing.
    /// Returns false if others are still under way after [`DRAIN`].
    pub async fn close(&self, own: usize) -> bool {
        self.0.is_closed.store(true, Ordering::Release);
        let drained = async {
            while self.0.under_way.load(Ordering::Acquire) > own {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(DRAIN, drained).await.is_ok()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}
