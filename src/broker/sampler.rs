//! Samples of what was refused before anybody was known.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    base::time::Time,
    broker::request::Peer,
    services::{Services, audit::PlainEntry},
};

/// Refusals written in full each second; the rest of the second is one line with a count.
const SAMPLES_PER_SECOND: u64 = 100;

/// Keeps probes from filling the log.
#[derive(Default)]
pub(super) struct Sampler {
    second: Mutex<i64>,
    seen: AtomicU64,
}

impl Sampler {
    pub fn refused(&self, services: &Services, operation: &str, path: &str, peer: &Peer, status: u16) {
        let now = services.clock.now();
        let left_out = self.turn(now);
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        if let Some(count) = left_out.filter(|count| *count > 0) {
            services.audit.plain(PlainEntry {
                is_response: true,
                time: now,
                operation: "refused",
                count: Some(count),
                ..PlainEntry::default()
            });
        }
        if seen < SAMPLES_PER_SECOND {
            let remote = peer.address.ip().to_string();
            services.audit.plain(PlainEntry {
                is_response: true,
                time: now,
                operation,
                path,
                remote_address: &remote,
                status,
                outcome: Some("refused before it was judged"),
                ..PlainEntry::default()
            });
        }
    }

    /// At the turn of a second: how many refusals of the last one were left out.
    fn turn(&self, now: Time) -> Option<u64> {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if *second == now.unix_secs() {
            return None;
        }
        *second = now.unix_secs();
        Some(self.seen.swap(0, Ordering::Relaxed).saturating_sub(SAMPLES_PER_SECOND))
    }
}
