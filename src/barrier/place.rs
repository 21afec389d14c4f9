//! Where a record lies: `namespace | mount id | table | segments`. Segments are sealed one by one, each bound to its
//! table and to the whole sealed path before it, so that a prefix scan works and equal names in two places look
//! different. Keys that are times, random ids or keyed hashes stay plain.

use crate::{barrier::BarrierError, base::limits::SEGMENT_BYTES_MAX, crypto::siv::SivKey};

/// The identity of a mount: random, never reused, so that a new mount at an old path sees nothing of it.
pub type MountId = [u8; 16];

/// Bytes before the segments: namespace (1), mount id (16), table (1).
pub const HEAD_BYTES: usize = 18;
/// The only namespace that is built.
const NAMESPACE: u8 = 0;
/// Sealed segments are as long as a multiple of this, so that a length tells little.
const BLOCK_BYTES: usize = 16;

/// The full key of a record in the store.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(Vec<u8>);

impl Place {
    /// The root of a table: what all keys of the table begin with.
    pub fn table(mount: &MountId, table: u8) -> Self {
        let mut key = Vec::with_capacity(HEAD_BYTES + 40);
        key.push(NAMESPACE);
        key.extend_from_slice(mount);
        key.push(table);
        Self(key)
    }

    /// A place below this one whose name is written as it is.
    pub fn plain(mut self, name: &[u8]) -> Self {
        self.0.extend_from_slice(name);
        self
    }

    /// A place one sealed segment below this one.
    pub fn sealed(mut self, names: &SivKey, segment: &str) -> Result<Self, BarrierError> {
        if segment.len() > SEGMENT_BYTES_MAX {
            return Err(BarrierError::TooLarge);
        }
        let mut padded = Vec::with_capacity(segment.len() + BLOCK_BYTES);
        padded.extend_from_slice(segment.as_bytes());
        padded.push(0x80);
        padded.resize(padded.len().next_multiple_of(BLOCK_BYTES), 0);
        let sealed = names.seal(&[&self.0], &padded);
        self.0.push(u8::try_from(sealed.len() / BLOCK_BYTES).map_err(|_| BarrierError::TooLarge)?);
        self.0.extend_from_slice(&sealed);
        Ok(self)
    }

    /// The name of the child of this place under which `key` lies, with the child's own place.
    pub fn child_of(&self, names: &SivKey, key: &[u8]) -> Result<(String, Self), BarrierError> {
        let damaged = || BarrierError::Integrity { table: self.table_id() };
        let rest = key.get(self.0.len()..).ok_or_else(damaged)?;
        let (&blocks, rest) = rest.split_first().ok_or_else(damaged)?;
        let sealed = rest.get(..usize::from(blocks) * BLOCK_BYTES).ok_or_else(damaged)?;
        let mut padded = names.open(&[&self.0], sealed).map_err(|_| damaged())?;
        while padded.pop_if(|last| *last == 0).is_some() {}
        if padded.pop() != Some(0x80) {
            return Err(damaged());
        }
        let name = String::from_utf8(padded).map_err(|_| damaged())?;
        let mut child = self.0.clone();
        child.push(blocks);
        child.extend_from_slice(sealed);
        Ok((name, Self(child)))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The number of the table, for messages.
    pub fn table_id(&self) -> u8 {
        self.0.get(HEAD_BYTES - 1).copied().unwrap_or_default()
    }

    /// What lies strictly below this place: from (inclusive) and to (exclusive). A sealed segment begins with its
    /// length in blocks, which is between 2 and 34.
    pub fn below(&self) -> (Vec<u8>, Vec<u8>) {
        let mut from = self.0.clone();
        from.push(0);
        (from, self.after())
    }

    /// The first key behind everything that begins with this place.
    pub fn after(&self) -> Vec<u8> {
        let mut key = self.0.clone();
        while let Some(last) = key.pop() {
            if last < u8::MAX {
                key.push(last + 1);
                break;
            }
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{random::Random, secret::Secret};

    fn names(seed: u64) -> SivKey {
        SivKey::new(Secret::new(Random::seeded(seed).bytes()))
    }

    fn at(key: &SivKey, mount: u8, table: u8, path: &[&str]) -> Place {
        let root = Place::table(&[mount; 16], table);
        path.iter().fold(root, |place, segment| place.sealed(key, segment).unwrap())
    }

    /// INVARIANT 22.
    #[test]
    fn an_equal_segment_under_two_parents_tables_or_mounts_looks_different() {
        let key = names(1);
        let last = |place: Place| place.as_bytes()[place.as_bytes().len() - 32..].to_vec();
        let here = last(at(&key, 1, 1, &["a", "x"]));
        assert_ne!(here, last(at(&key, 1, 1, &["b", "x"])));
        assert_ne!(here, last(at(&key, 1, 2, &["a", "x"])));
        assert_ne!(here, last(at(&key, 2, 1, &["a", "x"])));
        assert_eq!(here, last(at(&key, 1, 1, &["a", "x"])));
    }

    /// INVARIANT 22.
    #[test]
    fn lengths_on_disk_are_multiples_of_sixteen() {
        let key = names(1);
        for length in 0..=SEGMENT_BYTES_MAX {
            let place = at(&key, 1, 1, &[&"x".repeat(length)]);
            assert_eq!((place.as_bytes().len() - HEAD_BYTES - 1) % BLOCK_BYTES, 0);
        }
        assert!(Place::table(&[1; 16], 1).sealed(&key, &"x".repeat(SEGMENT_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn a_child_is_read_back_from_any_key_below_it() {
        let key = names(1);
        let root = at(&key, 1, 1, &["a"]);
        let deep = at(&key, 1, 1, &["a", "naïve name", "c"]);
        let (name, child) = root.child_of(&key, deep.as_bytes()).unwrap();
        assert_eq!(name, "naïve name");
        assert!(child == at(&key, 1, 1, &["a", "naïve name"]));
        let (from, to) = root.below();
        assert!(from.as_slice() <= deep.as_bytes() && deep.as_bytes() < to.as_slice());
        assert!(root.as_bytes() < from.as_slice());
        assert!(root.child_of(&names(2), deep.as_bytes()).is_err());
    }
}
