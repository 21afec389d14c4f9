//! Where requests queue. From its second try on, a request holds the stripe of its path, so that contention is waiting
//! and not failure; a request with a use-limited token holds the token's from the beginning. The token's comes first.

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
    /// Waits for the stripe of `what` and holds it until the guard is dropped.
    pub async fn hold(&self, what: &[u8]) -> Option<OwnedMutexGuard<()>> {
        let index = usize::try_from(self.hasher.hash_one(what)).unwrap_or_default() % STRIPES;
        Some(Arc::clone(self.locks.get(index)?).lock_owned().await)
    }
}
