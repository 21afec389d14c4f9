//! The key under which a record is stored: `namespace | mount id | table | segments`.
//!
//! Segments of a path are sealed one by one. Each is bound to its table and to the whole sealed path before it, so a
//! scan by prefix lists a folder, and one name in two folders looks different. Names that are times, random ids or
//! keyed hashes tell nothing and are stored as they are.

use crate::{barrier::errors::BarrierError, base::limits::SEGMENT_BYTES_MAX, crypto::siv::SivKey};

/// The identity of a mount. It is random and never used again, so a new mount at an old path sees no data of the old
/// mount.
pub type MountId = [u8; 16];

/// Bytes of a key before its segments: namespace (1), mount id (16), table (1).
const HEAD_BYTES: usize = 18;
/// The only namespace there is.
const NAMESPACE: u8 = 0;
/// The length of a sealed segment is a multiple of this many bytes, so it tells little about the name.
const BLOCK_BYTES: usize = 16;

/// The full key of a record in the store, or the beginning that all records of a folder share.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RecordKey(Vec<u8>);

impl RecordKey {
    /// The bytes with which all keys of a table begin.
    pub(crate) fn table(mount: &MountId, table: u8) -> Self {
        let mut key = Vec::with_capacity(HEAD_BYTES + 40);
        key.push(NAMESPACE);
        key.extend_from_slice(mount);
        key.push(table);
        Self(key)
    }

    /// This key, followed by `name` in plain.
    pub(crate) fn plain(mut self, name: &[u8]) -> Self {
        self.0.extend_from_slice(name);
        self
    }

    /// This key, followed by one sealed segment. Fails if the segment is longer than [`SEGMENT_BYTES_MAX`].
    pub(crate) fn sealed(mut self, names: &SivKey, segment: &str) -> Result<Self, BarrierError> {
        if segment.len() > SEGMENT_BYTES_MAX {
            return Err(BarrierError::TooLarge);
        }
        let mut padded = Vec::with_capacity(segment.len() + BLOCK_BYTES);
        padded.extend_from_slice(segment.as_bytes());
        // ISO/IEC 7816-4 padding: one bit, then zeros. It is unambiguous for every name, the empty one included.
        padded.push(0x80);
        padded.resize(padded.len().next_multiple_of(BLOCK_BYTES), 0);
        let sealed = names.seal(&[&self.0], &padded);
        self.0.push(u8::try_from(sealed.len() / BLOCK_BYTES).map_err(|_| BarrierError::TooLarge)?);
        self.0.extend_from_slice(&sealed);
        Ok(self)
    }

    /// The direct child of this folder to which `full` belongs, a key below the folder. No name is opened.
    pub(crate) fn child<'k>(&self, full: &'k [u8]) -> Result<Child<'k>, BarrierError> {
        let damaged = || BarrierError::Integrity { table: self.table_id() };
        let (folder, rest) = full.split_at_checked(self.0.len()).ok_or_else(damaged)?;
        let (&blocks, _) = rest.split_first().ok_or_else(damaged)?;
        let end = folder.len() + 1 + usize::from(blocks) * BLOCK_BYTES;
        let key = full.get(..end).ok_or_else(damaged)?;
        Ok(Child { key, folder_len: folder.len(), full_len: full.len() })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The number of the table to which the key belongs, for error messages.
    pub(crate) fn table_id(&self) -> u8 {
        table_of(&self.0)
    }

    /// The range of all keys strictly below this folder: from (inclusive) and to (exclusive).
    pub(crate) fn below(&self) -> (Vec<u8>, Vec<u8>) {
        let mut from = self.0.clone();
        // A sealed segment begins with its length in blocks, which is between 2 and 34 and so above this byte.
        from.push(0);
        (from, self.after())
    }

    /// The first key after all keys that begin with this one.
    pub(crate) fn after(&self) -> Vec<u8> {
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

/// The range of the keys of a mount in all tables: from (inclusive) and to (exclusive).
pub(super) fn keys_of_mount(mount: &MountId) -> (Vec<u8>, Vec<u8>) {
    let mut from = vec![NAMESPACE];
    from.extend_from_slice(mount);
    let mut to = from.clone();
    // Table 255 with any name: no table has this number.
    to.extend_from_slice(&[u8::MAX, u8::MAX]);
    (from, to)
}

/// A direct child of a folder, found at the beginning of some key below the folder.
#[derive(Clone, Copy)]
pub(super) struct Child<'k> {
    /// The child's own key.
    key: &'k [u8],
    folder_len: usize,
    full_len: usize,
}

impl Child<'_> {
    /// Whether the child is a folder: the key in which the child was found goes on below it.
    pub(crate) const fn is_folder(&self) -> bool {
        self.full_len > self.key.len()
    }

    pub(crate) fn record_key(&self) -> RecordKey {
        RecordKey(self.key.to_vec())
    }

    /// Opens the sealed name of the child.
    pub(crate) fn open(&self, names: &SivKey) -> Result<String, BarrierError> {
        let damaged = || BarrierError::Integrity { table: table_of(self.key) };
        let (folder, segment) = self.key.split_at_checked(self.folder_len).ok_or_else(damaged)?;
        let (_, sealed) = segment.split_first().ok_or_else(damaged)?;
        let mut padded = names.open(&[folder], sealed).map_err(|_| damaged())?;
        while padded.pop_if(|last| *last == 0).is_some() {}
        if padded.pop() != Some(0x80) {
            return Err(damaged());
        }
        String::from_utf8(padded).map_err(|_| damaged())
    }
}

fn table_of(key: &[u8]) -> u8 {
    key.get(HEAD_BYTES - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{random::Random, secret::Secret};

    fn names(seed: u64) -> SivKey {
        SivKey::new(Secret::new(Random::seeded(seed).bytes()))
    }

    fn at(key: &SivKey, mount: u8, table: u8, path: &[&str]) -> RecordKey {
        let root = RecordKey::table(&[mount; 16], table);
        path.iter().fold(root, |parent, segment| parent.sealed(key, segment).unwrap())
    }

    /// INVARIANT 22.
    #[test]
    fn an_equal_segment_under_two_parents_tables_or_mounts_looks_different() {
        let key = names(1);
        let last = |at: RecordKey| at.as_bytes()[at.as_bytes().len() - 32..].to_vec();
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
            let stored = at(&key, 1, 1, &[&"x".repeat(length)]);
            assert_eq!((stored.as_bytes().len() - HEAD_BYTES - 1) % BLOCK_BYTES, 0);
        }
        assert!(RecordKey::table(&[1; 16], 1).sealed(&key, &"x".repeat(SEGMENT_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn a_child_is_read_back_from_any_key_below_it() {
        let key = names(1);
        let root = at(&key, 1, 1, &["a"]);
        let deep = at(&key, 1, 1, &["a", "naïve name", "c"]);
        let child = root.child(deep.as_bytes()).unwrap();
        assert_eq!(child.open(&key).unwrap(), "naïve name");
        assert!(child.is_folder() && child.record_key() == at(&key, 1, 1, &["a", "naïve name"]));
        let leaf = at(&key, 1, 1, &["a", "leaf"]);
        assert!(!root.child(leaf.as_bytes()).unwrap().is_folder());
        let (from, to) = root.below();
        assert!(from.as_slice() <= deep.as_bytes() && deep.as_bytes() < to.as_slice());
        assert!(root.as_bytes() < from.as_slice());
        assert!(child.open(&names(2)).is_err());
    }
}
