//! The keys of an open store in one arena of locked memory: what is derived from the keyring at unseal, and a bounded
//! table of the keys that seal the names of each mount. The arena keeps nothing on the heap, so dropping it wipes all
//! keys.

use std::sync::{PoisonError, RwLock};

use crate::{
    barrier::{keyring::Keyring, record_key::MountId},
    base::{
        limits::{KEY_TERMS_MAX, NAME_KEY_SETS, NAME_KEYS_PER_SET},
        secret::Secret,
        sys::Locked,
        time::Time,
    },
    crypto::{
        aead::AeadKey,
        kdf::{self, MacKey},
        siv::SivKey,
    },
};

/// The key material of an open store. An arena is only ever made in place, inside [`Locked`].
pub(super) struct Arena {
    /// The number of the key term under which new records are sealed.
    pub term: u32,
    pub term_began: Time,
    pub index: Secret<[u8; 32]>,
    pub audit_mac: Secret<[u8; 32]>,
    pub audit_seed: Secret<[u8; 32]>,
    pub tokens: MacKey,
    pub accessors: MacKey,
    records: [Option<(u32, AeadKey)>; KEY_TERMS_MAX],
    names: RwLock<NameKeys>,
}

impl Arena {
    /// Derives the keys of a store from its keyring. Terms beyond [`KEY_TERMS_MAX`] have no room and are left out.
    pub(crate) fn fill(store: &[u8; 16], ring: &Keyring) -> Locked<Self> {
        // Locked while it is empty: a filled arena that is moved would leave a copy of every key on the stack.
        let mut arena = Locked::new(Self::empty());
        let newest = ring.terms.iter().max_by_key(|term| term.number);
        arena.term = newest.map_or(0, |term| term.number);
        arena.term_began = Time::from_unix_nanos(newest.map_or(0, |term| term.created));
        arena.index.expose_mut().copy_from_slice(&ring.index);
        arena.audit_mac.expose_mut().copy_from_slice(&ring.audit_mac);
        arena.audit_seed.expose_mut().copy_from_slice(&ring.audit_seed);
        let mac = |label| {
            let key = kdf::derive(&ring.index, label, store);
            MacKey::new(key.expose())
        };
        arena.tokens = mac("tokens");
        arena.accessors = mac("accessors");
        for (slot, term) in arena.records.iter_mut().zip(&ring.terms) {
            *slot = Some((term.number, AeadKey::new(kdf::derive(&term.key, "records", store))));
        }
        arena
    }

    fn empty() -> Self {
        let none = || MacKey::new(&[]);
        Self {
            term: 0,
            term_began: Time::EPOCH,
            index: Secret::new([0; 32]),
            audit_mac: Secret::new([0; 32]),
            audit_seed: Secret::new([0; 32]),
            tokens: none(),
            accessors: none(),
            records: [const { None }; KEY_TERMS_MAX],
            names: RwLock::new(NameKeys::EMPTY),
        }
    }

    /// The key that seals the records of a key term. `None` if the keyring does not have this term.
    pub(crate) fn record_key(&self, term: u32) -> Option<&AeadKey> {
        self.records.iter().flatten().find(|(number, _)| *number == term).map(|(_, key)| key)
    }

    /// Runs `act` with the key that seals the names of a mount, and returns what `act` returns.
    pub(crate) fn with_names<T>(&self, mount: &MountId, act: impl FnOnce(&SivKey) -> T) -> T {
        if let Some(key) = self.names.read().unwrap_or_else(PoisonError::into_inner).find(mount) {
            return act(key);
        }
        let key = SivKey::new(kdf::derive64(self.index.expose(), "names", mount));
        let outcome = act(&key);
        self.names.write().unwrap_or_else(PoisonError::into_inner).insert(*mount, key);
        outcome
    }
}

/// The keys that seal the names of the records in a mount, for the mounts that were used lately. They lie in a table of
/// sets. A mount's id is random, so its first byte spreads the mounts evenly over the sets.
struct NameKeys([NameKeySet; NAME_KEY_SETS]);

struct NameKeySet {
    keys: [Option<(MountId, SivKey)>; NAME_KEYS_PER_SET],
    /// The slot that is filled next. Once all slots are full, it is the one that was filled first, and its key is
    /// dropped.
    next: usize,
}

impl NameKeys {
    const EMPTY: Self =
        Self([const { NameKeySet { keys: [const { None }; NAME_KEYS_PER_SET], next: 0 } }; NAME_KEY_SETS]);

    fn find(&self, mount: &MountId) -> Option<&SivKey> {
        let set = self.0.get(set_of(mount))?;
        set.keys.iter().flatten().find(|(id, _)| id == mount).map(|(_, key)| key)
    }

    fn insert(&mut self, mount: MountId, key: SivKey) {
        // Two requests may have derived the same key at once.
        if self.find(&mount).is_some() {
            return;
        }
        let Some(set) = self.0.get_mut(set_of(&mount)) else { return };
        if let Some(slot) = set.keys.get_mut(set.next) {
            *slot = Some((mount, key));
        }
        set.next = (set.next + 1) % NAME_KEYS_PER_SET;
    }
}

fn set_of(mount: &MountId) -> usize {
    mount.first().map_or(0, |byte| usize::from(*byte) % NAME_KEY_SETS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    /// More mounts than there is room for: each key is right all the same, and each set keeps its newest.
    #[test]
    fn a_name_key_that_made_room_is_derived_again() {
        let ring = Keyring::generate(&Random::seeded(1), Time::EPOCH);
        let arena = Arena::fill(&[1; 16], &ring);
        let seal = |mount: u16| {
            let mut id = [0; 16];
            id[..2].copy_from_slice(&mount.to_le_bytes());
            arena.with_names(&id, |names| names.seal(&[], b"name"))
        };
        let first: Vec<_> = (0..600).map(seal).collect();
        let again: Vec<_> = (0..600).map(seal).collect();
        assert_eq!(first, again);
        let different: std::collections::HashSet<_> = first.into_iter().collect();
        assert_eq!(different.len(), 600);
        let held = arena.names.read().unwrap().0.iter().flat_map(|set| &set.keys).flatten().count();
        assert_eq!(held, NAME_KEY_SETS * NAME_KEYS_PER_SET);
    }

    /// The arena is locked whole only if nothing in it points to the heap, and fits the smallest usual limit (64 KiB).
    #[test]
    fn an_arena_is_a_few_pages() {
        assert!(size_of::<Arena>() <= 24 << 10, "{}", size_of::<Arena>());
    }
}
