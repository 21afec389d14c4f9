//! Locks of the audit log. A lock can still be taken after its holder panicked: what it
//! guards is consistent between any two calls.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

pub(crate) fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the lock. `None` if it is held already.
pub(crate) fn try_hold<T>(lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match lock.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Takes the lock as [`hold`] does, but gives up after some milliseconds and returns `None`. The panic hook uses it,
/// because the thread that panicked may hold the lock itself.
pub(crate) fn hold_or_give_up<T>(lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    (0..TRIES).find_map(|n| {
        let held = try_hold(lock);
        // A lock that is held only to copy one draft is free again after a few tries.
        if held.is_none() && n > 100 {
            std::thread::yield_now();
        }
        held
    })
}

const TRIES: usize = 10_000;
