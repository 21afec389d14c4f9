//! Where requests queue. From its second try on, a request holds the stripe of its path, so that contention is waiting
//! and not failure; a request with a use-limited token holds the token's from the beginning. The token's comes first.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard};

const STRIPES: usize = 256;

pub(super) struct Stripes {
    locks: Vec<Mutex<()>>,
    hasher: RandomState,
}

impl Default for Stripes {
    fn default() -> Self {
        Self { locks: (0..STRIPES).map(|_| Mutex::new(())).collect(), hasher: RandomState::new() }
    }
}

impl Stripes {
    pub async fn hold(&self, what: &[u8]) -> Option<MutexGuard<'_, ()>> {
        let index = usize::try_from(self.hasher.hash_one(what)).unwrap_or_default() % STRIPES;
        Some(self.locks.get(index)?.lock().await)
    }
}
