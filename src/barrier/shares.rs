//! The shares of an unseal that is under way. They lie in locked memory, because hours can pass until the last key
//! holder comes.

use crate::{
    base::{secret::Secret, sys::Locked},
    crypto::shamir::{self, SHARE_BYTES},
};

/// The shares that were handed in so far. Locked memory is taken with the first share.
#[derive(Default)]
pub(super) struct Shares(Option<Locked<Slots>>);

struct Slots {
    count: u8,
    slots: [Slot; SHARES_MAX],
}

struct Slot {
    bytes: Secret<[u8; SHARE_BYTES]>,
    len: usize,
}

impl Shares {
    /// How many different shares there are.
    pub(crate) fn count(&self) -> u8 {
        self.0.as_ref().map_or(0, |held| held.count)
    }

    /// Keeps a share of the right set. A share that was handed in before does not count twice.
    pub(crate) fn add(&mut self, share: &Secret<Vec<u8>>) {
        let is_held = self.all().any(|held| share.same(held));
        let held = self.0.get_or_insert_with(|| Locked::new(Slots::EMPTY));
        let share = share.expose();
        let next = usize::from(held.count);
        let free = held.slots.get_mut(next).filter(|_| !is_held && share.len() <= SHARE_BYTES);
        let Some(slot) = free else { return };
        for (to, from) in slot.bytes.expose_mut().iter_mut().zip(share) {
            *to = *from;
        }
        slot.len = share.len();
        held.count += 1;
    }

    /// The key that was cut into these shares. `None` if there is no share, or if they do not have the form of shares.
    pub(crate) fn combine(&self) -> Option<Secret<[u8; 32]>> {
        let mut all = self.all();
        // As in Vault: a single share is the key itself.
        if let (Some(only), None) = (all.next(), all.next())
            && let Ok(key) = <[u8; 32]>::try_from(only)
        {
            return Some(Secret::new(key));
        }
        let whole: Vec<&[u8; SHARE_BYTES]> = self.all().map(|share| share.try_into().ok()).collect::<Option<_>>()?;
        shamir::combine(&whole).ok()
    }

    fn all(&self) -> impl Iterator<Item = &[u8]> {
        let slots = self.0.iter().flat_map(|held| held.slots.iter().take(usize::from(held.count)));
        slots.filter_map(|slot| {
            let bytes = slot.bytes.expose();
            bytes.get(..slot.len)
        })
    }
}

impl Slots {
    const EMPTY: Self =
        Self { count: 0, slots: [const { Slot { bytes: Secret::new([0; SHARE_BYTES]), len: 0 } }; SHARES_MAX] };
}

/// Maximum number of shares of a set: the x of a share is one byte and never zero.
const SHARES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn shares_count_once_and_give_the_key_back() {
        let random = Random::seeded(1);
        let key = random.secret::<32>();
        let cut = shamir::split(&key, 255, 3, &random).unwrap();
        let mut shares = Shares::default();
        for share in cut.iter().take(3).chain(cut.first()) {
            shares.add(&Secret::new(share.expose().to_vec()));
        }
        assert_eq!(shares.count(), 3);
        assert!(shares.combine().unwrap().same(key.expose()));
        for share in &cut {
            shares.add(&Secret::new(share.expose().to_vec()));
        }
        assert_eq!(shares.count(), 255);
        assert!(shares.combine().unwrap().same(key.expose()));
    }

    #[test]
    fn a_single_share_is_the_key_itself() {
        let mut shares = Shares::default();
        assert!(shares.combine().is_none());
        shares.add(&Secret::new(vec![7; 32]));
        assert!(shares.combine().unwrap().same(&[7; 32]));
    }
}
