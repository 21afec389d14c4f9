//! Randomness, handed in as an argument. The system's generator is asked for each draw, so two clones of one machine
//! never draw the same bytes. Request ids are the exception. A test hands in a seeded source instead.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::secret::Secret;

/// Where random bytes come from.
#[derive(Clone)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded(Arc<AtomicU64>),
}

impl Random {
    /// The operating system's generator (`getrandom`). We keep no state of our own.
    pub(crate) fn system() -> Self {
        Self(Source::System)
    }

    /// A repeatable sequence for tests. Not random: SplitMix64 from `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(AtomicU64::new(seed))))
    }

    /// Fills `bytes`. If the system has no randomness the process ends, because every key would be predictable.
    pub(crate) fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Source::System => {
                if getrandom::fill(bytes).is_err() {
                    std::process::abort();
                }
            }
            Source::Seeded(state) => {
                for chunk in bytes.chunks_mut(8) {
                    let word = splitmix(state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)).to_le_bytes();
                    for (to, from) in chunk.iter_mut().zip(word) {
                        *to = from;
                    }
                }
            }
        }
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// `N` random bytes that are wiped when dropped.
    pub(crate) fn secret<const N: usize>(&self) -> Secret<[u8; N]> {
        Secret::new(self.bytes())
    }

    /// A random (version 4) UUID.
    pub(crate) fn uuid(&self) -> uuid::Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// A random UUID that names a request. It is not secret and only tells audit log lines apart, so each thread draws
    /// many at once. A clone of a running machine may repeat some of them.
    pub(crate) fn request_id(&self) -> uuid::Uuid {
        if let Source::Seeded(_) = self.0 {
            return self.uuid();
        }
        IDS.with_borrow_mut(|ids| {
            if ids.is_empty() {
                ids.extend(self.bytes::<IDS_BYTES>().as_chunks().0);
            }
            ids.pop().map_or_else(|| self.uuid(), |bytes| uuid::Builder::from_random_bytes(bytes).into_uuid())
        })
    }
}

const IDS_BYTES: usize = 1024;

thread_local! {
    static IDS: RefCell<Vec<[u8; 16]>> = RefCell::default();
}

fn splitmix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        assert_eq!(Random::seeded(7).bytes::<32>(), Random::seeded(7).bytes::<32>());
        assert_ne!(Random::system().bytes::<32>(), Random::system().bytes::<32>());
    }

    #[test]
    fn no_two_requests_have_one_id() {
        let ids: std::collections::HashSet<_> = (0..1_000).map(|_| Random::system().request_id()).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 4));
    }
}
