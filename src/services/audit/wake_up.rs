//! Wakes the maintenance thread before its next round is due.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use super::locks::hold;

#[derive(Default)]
pub(crate) struct WakeUp {
    is_wanted: Mutex<bool>,
    condition: Condvar,
}

impl WakeUp {
    pub(crate) fn wake(&self) {
        *hold(&self.is_wanted) = true;
        self.condition.notify_one();
    }

    /// Waits until [`WakeUp::wake`] is called, but at most for `at_most`.
    pub(crate) fn wait(&self, at_most: Duration) {
        let wanted = hold(&self.is_wanted);
        let waited = self.condition.wait_timeout_while(wanted, at_most, |wanted| !*wanted);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}
