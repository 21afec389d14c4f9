//! Locks of the audit log. A lock whose holder panicked is taken all the same: what it guards is consistent between any
//! two calls.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

pub(crate) fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None` if somebody else holds the lock.
pub(crate) fn try_hold<T>(lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match lock.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// As [`hold`], but gives up after some milliseconds. For locks that may be held by a thread that is in the panic hook
/// and waits for itself.
pub(crate) fn hold_or_give_up<T>(lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    (0..TRIES).find_map(|n| {
        let held = try_hold(lock);
        // A lock that is held for a copy of one draft is free again after a few tries.
        if held.is_none() && n > 100 {
            std::thread::yield_now();
        }
        held
    })
}

const TRIES: usize = 10_000;
