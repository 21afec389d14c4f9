//! Locks on which requests wait for each other. From its second try on, a request holds the lock (stripe) of its path,
//! so that competing requests wait instead of failing. A request with a use-limited token holds the token's stripe from
//! the beginning, and takes it before that of the path.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use tokio::sync::{Mutex, OwnedMutexGuard};

const STRIPES: usize = 256;

pub(super) struct Stripes {
    locks: Vec<Arc<Mutex<()>>>,
    hasher: RandomState,
}

impl Default for Stripes {
    fn default() -> Self {
        Self { locks: (0..STRIPES).map(|_| Arc::default()).collect(), hasher: RandomState::new() }
    }
}

impl Stripes {
    /// Waits for the stripe of `what`. It is held until the guard is dropped.
    pub async fn hold(&self, what: &[u8]) -> Option<OwnedMutexGuard<()>> {
        let index = usize::try_from(self.hasher.hash_one(what)).unwrap_or_default() % STRIPES;
        Some(Arc::clone(self.locks.get(index)?).lock_owned().await)
    }
}
