//! Locks on which requests wait for each other, by what they have in common: a path, a token, a caller. There is a fixed
//! number of locks (stripes), so two different things may share one and then wait for each other, too.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use tokio::sync::{Mutex, OwnedMutexGuard};

const STRIPES: usize = 256;

pub(crate) struct Stripes {
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
        Some(Arc::clone(self.locks.get(self.index(what))?).lock_owned().await)
    }

    fn index(&self, what: &[u8]) -> usize {
        usize::try_from(self.hasher.hash_one(what)).unwrap_or_default() % STRIPES
    }

    /// Two texts whose stripes differ, for tests that must not wait by accident.
    #[cfg(test)]
    pub(crate) fn two_apart(&self) -> [String; 2] {
        let first = String::from("0");
        let is_apart = |other: &String| self.index(other.as_bytes()) != self.index(first.as_bytes());
        let second = (1..u16::MAX).map(|number| number.to_string()).find(is_apart).unwrap();
        [first, second]
    }
}
